// The first lines of the README, type-checked as a user's compiler sees them: against the package's
// own declarations.
import { Client } from "l8nt";

const client = new Client();
const response = await client.get("https://api.weather.example/forecast?city=tokyo");
console.log(await response.json());

const booker = client.delegate({
  agent: "flight-booker",
  endpoints: ["GET https://api.flights.example/search/*"],
  budget: "500 sat",
  expiresIn: "15m",
});
console.log(booker.toString().length);
