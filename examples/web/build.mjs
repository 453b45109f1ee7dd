// Writes what the running app says about itself. Depends on nothing but the source, so the same source gives the same
// image.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const hash = createHash("sha256");
for (const file of readdirSync("src").sort()) {
  console.log(`reading src/${file}`);
  hash.update(file).update("\0").update(readFileSync(`src/${file}`)).update("\0");
}
const source = hash.digest("hex").slice(0, 12);
mkdirSync("dist", { recursive: true });
writeFileSync("dist/version.json", JSON.stringify({ version, source }) + "\n");
console.log(`built shop ${version} from source ${source}`);
