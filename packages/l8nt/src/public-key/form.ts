/** Adds the public-key form to those that `Credential.parse` reads. */
import { forms, isPublicKeyForm } from "../credential/forms.ts";
import { readBody } from "./body.ts";

forms.publicKey = (parts) => (isPublicKeyForm(parts.token) ? readBody(parts) : undefined);
