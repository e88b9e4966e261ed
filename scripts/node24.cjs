// Said in a language that every Node reads: the scripts are TypeScript as it stands, which an older
// Node cannot even load.
if (Number(process.versions.node.split(".")[0]) < 24) {
  console.error(
    `This needs Node 24, and runs on ${process.version}. Use npm (npm test, npm run build, ...): it puts the Node that
this repository brings first on the path. If it does not, run npm ci again, without --ignore-scripts.`,
  );
  process.exit(1);
}
