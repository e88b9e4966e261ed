/** Kill points around the ports of a treasury. */

/** Called with the name of each point that is passed, such as `store.settle after`. */
export type Pass = (point: string) => void;

/** Wraps methods so that each call passes a point before and a point after. */
export function mined<Port extends object>(name: string, port: Port, pass: Pass): Port {
  return new Proxy(port, {
    get(target, member) {
      const value: unknown = Reflect.get(target, member);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        pass(`${name}.${String(member)} before`);
        const answer: unknown = Reflect.apply(value, target, args);
        if (!(answer instanceof Promise)) return answer;
        return answer.finally(() => pass(`${name}.${String(member)} after`));
      };
    },
  });
}
