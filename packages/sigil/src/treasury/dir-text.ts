/** The flag `--dir` of a command that a message names. */

/** A folder whose name a shell reads as it stands; another one is left to the owner. */
export const dirText = (dir: string | undefined): string => {
  if (dir === undefined) return "";
  return /^[\w./~-]+$/.test(dir) ? ` --dir ${dir}` : " --dir DIR";
};
