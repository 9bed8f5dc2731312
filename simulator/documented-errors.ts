/** An error or odd answer that the API document names. */
export interface DocumentedError {
  chapter: string;
  status: number;
  /** As `error` says it; null where the body carries none. */
  code: string | null;
  /** What the body contains, where status and code do not tell it from others. */
  text?: string;
  /** What brings it about here. */
  cause: string;
}

const row = (chapter: string, status: number, code: string | null, cause: string, text?: string): DocumentedError => ({
  chapter,
  status,
  code,
  cause,
  ...(text === undefined ? {} : { text }),
});

const STANDING = "`POST /admin/accounts/{id}/standing`";

/** Every one of vast-api.md, in its order. */
export const DOCUMENTED_ERRORS: readonly DocumentedError[] = [
  row("1.2", 401, "unauthorized", "a key whose scopes, or whose conditions on arguments, lack the call"),
  row("1.2, 6.3", 401, "unauthorized", "a key that would grant more than it has", "cannot grant more"),
  row("1.3", 401, "auth_error", `${STANDING} \`{session: "second factor missing"}\``, "Two Factor Authentication"),
  row("1.3, 9.15", 401, "auth_error", "a deleted key, with the choice `deletedKeyStatus: 401`", "Invalid user key"),
  row("1.3", 403, "auth_error", "no key", "This action requires login."),
  row("1.3", 404, "auth_error", "a key that is nobody's", "Invalid user key"),
  row("1.3", 404, "auth_error", `${STANDING} \`{session: "expired"}\``, "Session expired. Please log in again."),
  row("1.3, 1.4", 403, null, "fault `html`", "<html>"),
  row("1.3", 500, "internal_error", "fault `status`, with any status and body"),
  row("1.4", 429, null, "a call too soon", "API requests too frequent: endpoint threshold="),
  row("1.4", 429, null, "more calls in a period than allowed", "API requests too frequent"),
  row("1.4", 429, "rate_limit_exceeded", 'a call too soon, with the choice `tooFrequentBody: "json"`'),
  row("1.4", 429, null, 'a call too soon, with the choice `tooFrequentBody: "detail"`', '"detail"'),
  row("1.5", 400, "invalid_token", "a paging token that cannot be read", "Invalid pagination token"),
  row("1.5", 400, "invalid_request", "a filter or an order on a column that has none", "is not a valid search key"),
  row("2.1", 400, "bad_request", "a flat body in `PUT /search/asks/`", "Extra inputs are not permitted"),
  row("2.1", 400, "invalid_request", "a body that is no JSON", "Invalid json body"),
  row("2.1", 404, "not_found", "`POST /search/asks/`, `PUT /bundles/`", "Not found."),
  row("1.3, 2.2", 400, "bad_request", "a bare value as a filter", "Input should be a valid dictionary"),
  row("3.1", 400, "invalid_args", "an offer id that is none", "error 400/3467: Invalid args: 'id' is required"),
  row("3.1", 400, "invalid_price", "a bid out of bounds", "bid price"),
  row("3.1", 400, "no_ssh_key_for_vm", "`vm: true` for an account without SSH keys"),
  row("3.1", 400, "insufficient_credit", "credit of 0 or less"),
  row("3.1", 400, "label_too_long", "more than 256 characters at create"),
  row("3.1", 403, "invalid_args", `${STANDING} \`{hostOnly: true}\``, "Hosts can only rent their own machines."),
  row("3.1", 404, "invalid_args", "an offer that is not there, or was taken", "error 404/3603: no_such_ask"),
  row("3.1", 410, "no_such_ask", "an offer that was taken, with `cancel_unavail`", "error 410/3907"),
  row("3.1", 400, "invalid_price", "a bid that is too low: the contract exists, stopped", "new_contract"),
  row("3.1", 200, "invalid_price", "the same with the choice `createdStoppedStatus: 200`", "new_contract"),
  row("3.1", 400, "resources_unavailable", "fault `no-room` without `cancel_unavail`", "new_contract"),
  row("3.1", 400, "spend_rate_limit", `${STANDING} \`{emailVerified: false}\` (status and shape are unverified)`),
  row("3.2", 400, "invalid_args", "an instance id that is none", "error 400/1782: Invalid args"),
  row("3.3", 410, "deprecated_endpoint", "the v0 list"),
  row("3.5", 400, "missing_billing", "a start with credit of 0 or less"),
  row("3.5", 404, "no_such_instance", "an id that is not there, not yours, or destroyed", "Instance 1 not found."),
  row("3.5", 200, "resources_unavailable", "a start without room", "state change queued"),
  row("3.5", 400, "label_too_long", "more than 1024 characters later", "1024"),
  row("3.5", 400, "invalid_args", "reboot or destroy of what is no id", "invalid instance_id"),
  row("3.5", 400, "invalid_id", "recycle of what is no id", "Invalid instance id."),
  row("3.5", 400, "invalid_args", "a bid below the minimum", "Please set a bid price >= 0.001."),
  row("3.5", 404, "no_such_instance", "a bid for what is not there", "Instance with that ID does not exist."),
  row("3.5", 400, "invalid_args", "prepay of what is not there", "No such instance"),
  row("3.5", 411, null, "prepay with more than there is", "Insufficient credit"),
  row("3.5", 400, "invalid_args", "a command that is empty, too long or none of ls, rm, du", "Invalid command given."),
  row("3.5", 400, "invalid_container_id", "execute on what is no id"),
  row("3.5", 400, "invalid_container", "execute on what is not there"),
  row("3.5", 403, "not_authorized", `execute after ${STANDING} \`{blacklisted: true}\``, "execute commands"),
  row("1.3, 3.5", 483, "invalid_args", "execute with a body that is no JSON", "Invalid json_body"),
  row("3.5", 404, "invalid_id", "logs of what is not there"),
  row("3.5", 403, "not_authorized", "logs of somebody else's instance", "logs"),
  row("3.5", 404, "no_such_ssh_key", "detaching a key that is not attached"),
  row("3.5", 500, "delete_ssh_from_instance", "detaching a key while the host is offline (the live cause is unknown)"),
  row("3.5", 404, "no_pending_price_increase", "a price increase that is not there"),
  row("3.5 Bulk", 400, "missing_input", "bulk start without ids", "IDs"),
  row("3.5 Bulk", 400, "empty_input", "bulk start with an empty list", "IDs"),
  row("3.5 Bulk", 400, "invalid_instance_id", "bulk start of what is not there"),
  row("4", 400, "invalid_args", "a search with a bare value", "must be dict of conditions"),
  row("4", 422, null, "a volume name with other characters or too long"),
  row("4", 400, "invalid_args", "deleting without an id", "Please provide a valid volume ID."),
  row("4", 404, "no_such_volume", "a volume that is not there", "Volume with that ID does not exist."),
  row("5.1", 400, "invalid_args", "a copy without a source path", "Invalid src_path."),
  row("5.1", 404, "no_such_user", "a `client_id` that is another user's"),
  row("5.1", 400, "invalid_args", "a path on the VM that is copied from", "src_path not supported VMs."),
  row("5.1", 400, "invalid_args", "a path on the VM that is copied to", "dst_path not supported for VMs."),
  row("5.1, 5.2", 400, "invalid_args", "cancelling a copy of what is no id", "Invalid dst_id."),
  row("5.2", 400, "invalid_args", "a cloud copy with bad parameters", "Invalid instance_id."),
  row("5.2", 404, "no_such_instance", "cancelling the cloud copy of what is not there", "No such instance."),
  row("5.4", 422, null, "a second scheduled job for an instance", "scheduled_job_id"),
  row("6.2", 404, "not_found", "an account without SSH keys", "No SSH keys found for the user."),
  row("6.2", 400, "no_ssh_key", "a key that is none, or not there"),
  row("6.2", 400, "team_ssh_keys_not_supported", `${STANDING} \`{team: "name"}\` (the status is unverified)`),
  row("6.3", 400, "invalid_permissions", "a scope that does not exist"),
  row("6.3", 400, "missing_permissions", "a key without permissions"),
  row("1.3", 409, "user_exists", "a subaccount with a name or address that is taken"),
  row("6.4", 400, "missing_input", "a variable without a name", "key"),
  row("6.4", 400, "max_secrets", "more than 100 variables (the live number is unknown)"),
  row("6.4", 400, "existing_key", "adding a variable that is there"),
  row("6.4", 400, "empty_input", "an empty value", "Value"),
  row("6.4", 400, "input_too_long", "a value of more than 4096 characters (the live number is unknown)"),
  row("6.4", 400, "invalid_characters", "a value with other characters"),
  row("6.4", 400, "nonexistent_key", "changing or deleting a variable that is not there"),
  row("6.5", 400, null, "charges without both ends of the days", "Must provide both 'day' gte and lte filters"),
  row("6.5", 200, "Invalid date range", "invoices without a range"),
  row("6.6", 404, "not_found", "deleting a template by its hash", "Invalid Template ID or User ID"),
];

export function nameOf(error: DocumentedError): string {
  const { status, code, text } = error;
  return [status, code ?? "", text === undefined ? "" : `"${text}"`].filter((part) => part !== "").join(" ");
}

/** Which of them an answer is: none, one, or the special case of another as well. */
export function recognise(status: number, body: unknown): DocumentedError[] {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const error = body !== null && typeof body === "object" && "error" in body ? body.error : null;
  return DOCUMENTED_ERRORS.filter(
    (known) => known.status === status && known.code === error && text.includes(known.text ?? ""),
  );
}
