// Notes method, target and digest of the body of each request that came to its end.
const http = require('http'), fs = require('fs'), crypto = require('crypto');
const [port, log] = process.argv.slice(2);
http.createServer((request, response) => {
  const sum = crypto.createHash('sha256');
  request.on('data', part => sum.update(part));
  request.on('end', () => {
    fs.appendFileSync(log, `${request.method} ${request.url} ${sum.digest('hex')}\n`);
    response.end(request.url);
  });
}).listen(port, '127.0.0.1');
