// A server of grpc.health.v1.Health with @grpc/grpc-js.
//   node grpc_health.js ADDRESS [CERT KEY]   listens, prints its port; each line "STATUS SERVICE" of stdin changes what
//                                            it answers and is said back
// It ends with stdin, unless it runs as a task.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const statuses = {'': 'SERVING'};
const numbers = {UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3};

// One field each: what a .proto would say in more files.
function name(message) {
  if (message.length === 0) return {of: ''};
  if (message[0] !== 0x0a || message[1] !== message.length - 2) throw new Error(`odd message ${message.toString('hex')}`);
  return {of: message.subarray(2).toString()};
}

const service = {
  Check: {
    path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false,
    requestSerialize: (text) => text, requestDeserialize: name,  // an object: grpc-js takes '' for none
    responseSerialize: (status) => Buffer.from(status === 0 ? [] : [8, status]), responseDeserialize: (bytes) => bytes,
  },
};

const [address, cert, key] = process.argv.slice(2);
const server = new grpc.Server();
server.addService(service, {
  Check: (call, done) => {
    const status = statuses[call.request.of];
    if (status === undefined) return done({code: grpc.status.NOT_FOUND, details: `unknown service «${call.request.of}»`});
    return done(null, numbers[status]);
  },
});
const credentials = cert === undefined ? grpc.ServerCredentials.createInsecure() :
  grpc.ServerCredentials.createSsl(null, [{cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key)}]);
server.bindAsync(address, credentials, (error, port) => {
  if (error) throw error;
  console.log(port);
});
if (!process.env.NOMAD_ALLOC_ID) {
  require('readline').createInterface({input: process.stdin})
      .on('line', (line) => {
        const [status, of] = line.split(' ');
        statuses[of || ''] = status;
        console.log(line);
      })
      .on('close', () => process.exit(0));
}
