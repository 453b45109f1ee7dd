//! The app that the tests deploy: two services, with faults that a variable or the source asks for.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

const MANIFEST: &str = "
services:
  web:
    command: exec node web.js
    port: 3000
    health:
      path: /healthz
      timeout: 3
      bake: 1
    scale: 2
    termination:
      grace: 5
  worker:
    command: exec sh worker.sh
    health:
      bake: 1
";

const WEB: &str = "
const http = require('http');
const fault = process.env.FAULT;
if (fault === 'crash') { console.error('cannot reach the database'); process.exit(3); }
const server = http.createServer((request, response) => {
  if (request.url === '/healthz') { response.statusCode = fault === 'sick' ? 500 : 200; response.end('ok'); return; }
  response.end(JSON.stringify({ release: process.env.RELEASE, process: process.env.PROCESS, greeting: process.env.GREETING }));
});
server.keepAliveTimeout = 60000;
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
if (fault !== 'deaf') { server.listen(process.env.PORT, '127.0.0.1', () => console.log('listening')); }
else { setInterval(() => {}, 1000); }
";

const WORKER: &str = "
trap 'exit 0' TERM
echo working
while :; do sleep 0.2; done
";

const MIGRATE: &str = "echo migrating $GREETING; exit ${MIGRATE_EXIT:-0}\n";

/// The archive of the app; `note` makes the source another one.
pub fn archive(note: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let files = [
        ("slipway.yml", MANIFEST),
        ("web.js", WEB),
        ("worker.sh", WORKER),
        ("migrate.sh", MIGRATE),
        ("note.txt", note),
    ];
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let mut packed = builder.into_inner().unwrap();
    packed.flush().unwrap();
    packed.finish().unwrap()
}
