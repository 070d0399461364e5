// A server and a client of WebSockets with ws.
//   node websocket.js server [CERT KEY]        listens, prints its port, then a line of JSON for each close it hears
//   node websocket.js client URL HOST [CA]     speaks to URL as HOST, prints what it saw as JSON
// With the paths of certificates: over TLS. The server echoes; three texts make it ping, close or break off instead.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const {randomBytes} = require('crypto');
const {WebSocket, WebSocketServer} = require('ws');

function serve(cert, key) {
  const server = cert === undefined ? http.createServer() :
    https.createServer({cert: fs.readFileSync(cert), key: fs.readFileSync(key)});
  const sockets = new WebSocketServer({server, perMessageDeflate: true, handleProtocols: (offered) => [...offered][1]});
  sockets.on('connection', (socket) => {
    socket.on('pong', (payload) => socket.send(`pong ${payload}`));
    socket.on('message', (payload, binary) => {
      const text = binary || payload.length > 100 ? '' : payload.toString();
      if (text === 'ping me') return socket.ping('from the server');
      if (text === 'close me') return socket.close(4002, 'enough: ü');
      if (text === 'break off') return socket.terminate();
      socket.send(payload, {binary});
    });
    socket.on('close', (code, reason) => console.log(JSON.stringify([code, reason.toString()])));
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
  process.stdin.on('end', () => process.exit(0)).resume();
}

async function connect(url, host, ca, protocols, options) {
  const tls = ca === undefined ? {} : {ca: fs.readFileSync(ca), servername: host};
  const socket = new WebSocket(url, protocols, {headers: {Host: host}, ...tls, ...options});
  const waiting = [];
  const arrived = [];
  socket.on('message', (payload, binary) => {
    const message = binary ? payload : payload.toString();
    waiting.length ? waiting.shift()(message) : arrived.push(message);
  });
  await new Promise((done, failed) => socket.on('open', done).on('error', failed));
  return {
    socket,
    next: () => new Promise((done) => { arrived.length ? done(arrived.shift()) : waiting.push(done); }),
    heard: (event) => new Promise((done) => socket.once(event, (...values) => done(values))),
    ended: new Promise((done) => socket.on('close', (code, reason) => done([code, reason.toString()]))),
  };
}

async function speak(url, host, ca) {
  const seen = {};
  const one = await connect(url, host, ca, ['first', 'second'], {perMessageDeflate: true});
  seen.extensions = one.socket.extensions;
  seen.protocol = one.socket.protocol;
  const text = 'all work and no play '.repeat(15000);
  one.socket.send(text);
  seen.text = await one.next() === text;
  const bytes = randomBytes(300000);
  one.socket.send(bytes);
  seen.bytes = bytes.equals(await one.next());
  const pong = one.heard('pong');
  one.socket.ping('are you there');
  seen.pong = (await pong)[0].toString();
  const ping = one.heard('ping');
  one.socket.send('ping me');
  seen.ping = (await ping)[0].toString();
  seen.ponged = await one.next();
  for (let i = 0; i < 1000; i++) one.socket.send(String(i));
  seen.messages = 0;
  while (seen.messages < 1000 && await one.next() === String(seen.messages)) seen.messages++;
  one.socket.close(4001, 'bye');
  seen.closedByUs = await one.ended;

  const two = await connect(url, host, ca, [], {perMessageDeflate: false});
  seen.plain = two.socket.extensions;
  two.socket.send(text);
  seen.plainText = await two.next() === text;
  two.socket.send('close me');
  seen.closedByServer = await two.ended;

  const three = await connect(url, host, ca, [], {});
  three.socket.send('break off');
  seen.brokenOff = await three.ended;
  console.log(JSON.stringify(seen));
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === 'server') {
  serve(...rest);
} else {
  speak(...rest).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
}
