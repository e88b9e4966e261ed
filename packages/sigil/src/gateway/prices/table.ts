/** The prices of every model that a gateway can charge for. What is not in it has no price. */
import { UsageError } from "../../exit.ts";
import { type ModelEntry, type PriceFile, type PriceSet, readPriceFile } from "./file.ts";
import { type Fraction, isLess, readDecimal } from "./fraction.ts";
import { type ModelLimits, ModelPrice } from "./model-price.ts";
import { DATE, readName } from "./name.ts";
import { isKnownToReason } from "./reasoning.ts";

const DAY_MS = 86_400_000;
/** A file that is older warns: vendors change prices and name new models. */
export const STALE_DAYS = 60;

const ONE: Fraction = { numerator: 1n, denominator: 1n };
const TEN: Fraction = { numerator: 10n, denominator: 1n };

export interface PriceTableOptions {
  /** What messages call the file. @default "prices.yaml" */
  readonly name?: string;
  /** Factor on every price, from "1" to "10", such as "1.1". @default "1" */
  readonly margin?: string;
}

/** The prices of one model, the ones in force first, each from its day on. */
interface Listed {
  readonly versions: readonly { readonly from: number; readonly price: ModelPrice }[];
}

interface Vendor {
  readonly exact: ReadonlyMap<string, Listed>;
  /** The longest first. */
  readonly prefixes: readonly Prefix[];
}

interface Prefix {
  readonly text: string;
  /** Only a date may follow. */
  readonly isDated: boolean;
  readonly listed: Listed;
}

/** What one price file says. */
interface Priced {
  readonly name: string;
  /** The day that it is of. */
  readonly date: string;
  readonly vendors: ReadonlyMap<string, Vendor>;
}

export class PriceTable {
  /** The first that lists a model has its price. */
  readonly #files: readonly Priced[];

  private constructor(files: readonly Priced[]) {
    this.#files = files;
  }

  /** The days that the files are of, by the name of the file. */
  get dates(): ReadonlyMap<string, string> {
    return new Map(this.#files.map(({ name, date }) => [name, date]));
  }

  /**
   * Reads a price file, such as the `prices.yaml` that comes with the program.
   *
   * @throws UsageError that names the file and the key
   */
  static read(
    yamlText: string,
    { name = "prices.yaml", margin = "1" }: PriceTableOptions = {},
  ): PriceTable {
    const file = readPriceFile(yamlText, name);
    const factor = readMargin(margin);
    const vendors = Object.entries(file.vendors).map(
      ([vendor, models]) => [vendor, vendorOf(vendor, models, file, factor, name)] as const,
    );
    return new PriceTable([{ name, date: file.date, vendors: new Map(vendors) }]);
  }

  /** This table, and for what it does not list the other one: an owner's prices over ours. */
  over(other: PriceTable): PriceTable {
    return new PriceTable([...this.#files, ...other.#files]);
  }

  /**
   * The price of a model: listed by its exact name, else by the longest prefix that the file marks
   * as one. Undefined if it is not listed, which denies.
   *
   * @param at when, in milliseconds since 1970: some prices change on a day that is known before
   */
  find(vendor: string, model: string, at: number = Date.now()): ModelPrice | undefined {
    for (const { vendors } of this.#files) {
      const listed = listedIn(vendors.get(vendor), model);
      if (listed !== undefined) return listed.versions.findLast(({ from }) => at >= from)!.price;
    }
    return undefined;
  }

  /**
   * A text for each file that is older than 60 days.
   *
   * @param metered the vendors whose models are charged for: a file without them is not missed
   */
  warnings(metered: ReadonlySet<string>, now: number = Date.now()): readonly string[] {
    return this.#files.flatMap(({ name, date, vendors }) => {
      const days = Math.floor((now - Date.parse(date)) / DAY_MS);
      const isUsed = [...metered].some((vendor) => hasPrices(vendors.get(vendor)));
      return days <= STALE_DAYS || !isUsed
        ? []
        : [
            `${name} is ${days} days old: its prices may have changed, and newer models are denied. Update it: sigil gateway prices update`,
          ];
    });
  }
}

/** Whether it lists a model that costs something. */
const hasPrices = (vendor: Vendor | undefined): boolean =>
  [...(vendor?.exact.values() ?? []), ...(vendor?.prefixes ?? []).map(({ listed }) => listed)].some(
    ({ versions }) => versions.some(({ price }) => !price.isFree),
  );

function listedIn(vendor: Vendor | undefined, model: string): Listed | undefined {
  if (vendor === undefined) return undefined;
  return (
    vendor.exact.get(model) ??
    vendor.prefixes.find(
      ({ text, isDated }) =>
        model.startsWith(text) && (!isDated || DATE.test(model.slice(text.length))),
    )?.listed
  );
}

function vendorOf(
  vendor: string,
  models: Readonly<Record<string, ModelEntry>>,
  { date }: PriceFile,
  margin: Fraction,
  file: string,
): Vendor {
  const exact = new Map<string, Listed>();
  const prefixes = new Map<string, Prefix>();
  for (const [model, entry] of Object.entries(models)) {
    const names = [model, ...(entry === "free" ? [] : (entry.names ?? []))];
    const line = `${vendor} ${model} of ${date}`;
    const listed = listedOf(line, entry, margin, isKnownToReason(vendor, names));
    for (const name of names) {
      const { kind, text } = readName(name);
      if (kind === "exact" ? exact.has(text) : prefixes.has(name))
        throw new UsageError(`${file}: vendors.${vendor}: two models are named ${name}`);
      if (kind === "exact") exact.set(text, listed);
      else prefixes.set(name, { text, isDated: kind === "dated", listed });
    }
  }
  return {
    exact,
    prefixes: [...prefixes.values()].sort((a, b) => b.text.length - a.text.length),
  };
}

/** @param mayReason unless the file says otherwise */
function listedOf(line: string, entry: ModelEntry, margin: Fraction, mayReason: boolean): Listed {
  const limits: ModelLimits =
    entry === "free"
      ? { contextWindow: undefined, maxOutput: undefined, reasons: false }
      : {
          contextWindow: entry.context,
          maxOutput: entry.maxOutput,
          reasons: entry.reasons === undefined ? mayReason : entry.reasons === "true",
        };
  const version = (from: number, set: PriceSet | "free") => ({
    from,
    price: new ModelPrice(line, limits, set, margin),
  });
  const later = entry === "free" ? [] : (entry.later ?? []);
  return {
    versions: [
      version(Number.NEGATIVE_INFINITY, entry),
      ...later
        .map(({ from, ...set }) => version(Date.parse(from), set))
        .sort((a, b) => a.from - b.from),
    ],
  };
}

function readMargin(text: string): Fraction {
  const margin = readDecimal(text);
  if (margin === undefined || isLess(margin, ONE) || isLess(TEN, margin))
    throw new UsageError('margin must be a factor from "1" to "10", such as "1.1"');
  return margin;
}
