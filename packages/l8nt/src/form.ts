/** Outside of browsers: `Credential.parse` reads every form. */
import "./public-key/form.ts";
