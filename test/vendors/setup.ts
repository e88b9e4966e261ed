/** Installs this folder before the first of its tests. */
import { need } from "../../scripts/folders.ts";

export const setup = (): void => need("vendors");
