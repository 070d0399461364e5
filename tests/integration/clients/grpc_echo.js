// Servers and clients of gRPC with @grpc/grpc-js; messages are plain bytes, so no .proto is needed.
//   node grpc_echo.js server [CERT KEY] listens, prints its port, serves until stdin ends
//   node grpc_echo.js client ADDRESS [CA] runs every kind of call through ADDRESS, prints what it saw as JSON
//   node grpc_echo.js stream ADDRESS   one bidirectional stream: echoes lines of stdin to stdout, ends with them
// With the paths of certificates: over TLS.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const bytes = {serialize: (text) => Buffer.from(text), deserialize: (buffer) => buffer.toString()};
const method = (name, requestStream, responseStream) => ({
  path: `/weir.test.Echo/${name}`, requestStream, responseStream,
  requestSerialize: bytes.serialize, requestDeserialize: bytes.deserialize,
  responseSerialize: bytes.serialize, responseDeserialize: bytes.deserialize,
});
const service = {
  Unary: method('Unary', false, false), Count: method('Count', false, true), Sum: method('Sum', true, false),
  Both: method('Both', true, true), Fail: method('Fail', false, false), Hang: method('Hang', false, true),
  Cancelled: method('Cancelled', false, false),
};

function serve(cert, key) {
  let cancelled = 0;
  const trailers = () => { const t = new grpc.Metadata(); t.set('x-trailer', 'last'); return t; };
  const server = new grpc.Server();
  server.addService(service, {
    Unary: (call, done) => {
      const first = new grpc.Metadata();
      first.set('x-first', String(call.metadata.get('x-asked')));
      call.sendMetadata(first);
      done(null, `echo ${call.request}`, trailers());
    },
    Count: (call) => {
      for (let i = 0; i < Number(call.request); i++) call.write(String(i));
      call.end(trailers());
    },
    Sum: (call, done) => {
      let sum = 0;
      call.on('data', (text) => { sum += Number(text); });
      call.on('end', () => done(null, String(sum), trailers()));
    },
    Both: (call) => {
      call.on('data', (text) => call.write(`echo ${text}`));
      call.on('end', () => call.end(trailers()));
    },
    Fail: (call, done) => done({code: grpc.status.FAILED_PRECONDITION, details: 'not now: ü', metadata: trailers()}),
    Hang: (call) => {
      call.write('begun');
      call.on('cancelled', () => { cancelled++; });
    },
    Cancelled: (call, done) => done(null, String(cancelled)),
  });
  const credentials = cert === undefined ? grpc.ServerCredentials.createInsecure() :
    grpc.ServerCredentials.createSsl(null, [{cert_chain: fs.readFileSync(cert), private_key: fs.readFileSync(key)}]);
  server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
    if (error) throw error;
    console.log(port);
  });
  process.stdin.on('end', () => process.exit(0)).resume();
}

function connect(address, ca, name = 'grpc.test') {
  const Client = grpc.makeGenericClientConstructor(service, 'Echo');
  const credentials = ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(fs.readFileSync(ca));
  return new Client(address, credentials, {'grpc.default_authority': name, 'grpc.ssl_target_name_override': name});
}

async function run(address, ca) {
  const client = connect(address, ca);
  const seen = {};
  const watch = (call, into) => {
    call.on('metadata', (m) => { into.first = m.get('x-first'); });
    call.on('status', (s) => { into.code = s.code; into.details = s.details; into.trailer = s.metadata.get('x-trailer'); });
  };
  const unary = (name, text, options) => new Promise((resolve) => {
    const into = {};
    const metadata = new grpc.Metadata();
    metadata.set('x-asked', 'yes');
    const call = client[name](text, metadata, options || {}, (error, answer) => {
      into.answer = answer;
      into.error = error && error.code;
    });
    watch(call, into);
    call.on('status', () => setImmediate(() => resolve(into)));
  });
  const streaming = (call, feed) => new Promise((resolve) => {
    const into = {data: []};
    watch(call, into);
    call.on('data', (text) => into.data.push(text));
    call.on('error', () => {});
    call.on('status', () => setImmediate(() => resolve(into)));
    if (feed) feed(call);
  });
  seen.unary = await unary('Unary', 'hello');
  const large = 'x'.repeat(3000000);
  const back = await unary('Unary', large);
  seen.large = back.answer === `echo ${large}`;
  const count = await streaming(client.Count('1000'));
  seen.count = {messages: count.data.length, last: count.data[999], code: count.code, trailer: count.trailer};
  seen.sum = await new Promise((resolve) => {
    const into = {};
    const call = client.Sum((error, answer) => { into.answer = answer; });
    watch(call, into);
    call.on('status', () => setImmediate(() => resolve(into)));
    for (let i = 1; i <= 1000; i++) call.write(String(i));
    call.end();
  });
  // Answer by answer: each message must pass while the call is open.
  seen.both = await streaming(client.Both(), (call) => {
    let sent = 0;
    const next = () => { if (sent < 20) call.write(String(sent++)); else call.end(); };
    call.on('data', next);
    next();
  });
  seen.fail = await unary('Fail', 'x');
  seen.deadline = (await streaming(client.Hang('x', {deadline: Date.now() + 500}))).code;
  const hanging = client.Hang('x');
  seen.cancel = (await streaming(hanging, (call) => call.on('data', () => call.cancel()))).code;
  // The server hears of both: its clients' RST_STREAM came through.
  for (let i = 0; i < 100 && seen.cancelled !== '2'; i++) seen.cancelled = (await unary('Cancelled', 'x')).answer;
  const parallel = await Promise.all(Array.from({length: 200}, (_, i) => unary('Unary', String(i))));
  seen.parallel = parallel.every((one, i) => one.answer === `echo ${i}`);
  client.close();
  const lost = connect(address, ca, 'nobody.test');
  seen.unknown = await new Promise((resolve) => lost.Unary('x', (error) => resolve(error.code)));
  lost.close();
  console.log(JSON.stringify(seen));
}

function stream(address) {
  const client = connect(address);
  const call = client.Both();
  call.on('data', (text) => console.log(text));
  call.on('error', (error) => { console.log(`error ${error.code} ${error.details}`); process.exit(1); });
  call.on('end', () => client.close());
  require('readline').createInterface({input: process.stdin})
      .on('line', (line) => call.write(line)).on('close', () => call.end());
}

const [mode, ...rest] = process.argv.slice(2);
({server: serve, client: run, stream})[mode](...rest);
