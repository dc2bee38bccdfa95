// Determines the role behind a request, and limits analysts to queries. Their web server refuses every mutation that it checks
// a permission for, but two mutations have no such check. So whatever is not clearly a query is refused here.

const MUTATION = /\bmutation\b/;

// Members of both groups are editors. Groups come from the login, never from the browser.
function find_role(r) {
    const groups = (r.variables.groups || '').split(',');
    if (groups.includes(process.env.PROXY_EDITORS_GROUP)) {
        return 'editors';
    }
    return groups.includes(process.env.PROXY_ANALYSTS_GROUP) ? 'analysts' : 'nobody';
}

// A request for a page is redirected to the login and back; a request from an open page is answered with 401.
function log_in(r) {
    if (/text\/html/.test(r.headersIn['Accept'] || '')) {
        r.return(302, '/oauth2/start?rd=' + encodeURIComponent(r.variables.request_uri));
        return;
    }
    r.return(401);
}

// Once the JSON around it is parsed, a GraphQL document names its kind of operation in plain text.
function is_question(r) {
    if (r.method === 'GET') {
        // A subscription's handshake, or the page for writing queries. A query string is not parsed here, so it is refused.
        return r.variables.args === undefined || r.variables.args === '';
    }
    const type = r.headersIn['Content-Type'] || '';
    if (r.method !== 'POST' || !/^application\/json\s*(;|$)/i.test(type) || r.variables.args) {
        return false;
    }
    try {
        const document = JSON.parse(r.requestText).query;
        return typeof document === 'string' && !MUTATION.test(document);
    } catch (e) {
        return false;
    }
}

function refuse(r) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(403, JSON.stringify({ errors: [{ message: 'analysts may look, and change nothing' }] }) + '\n');
}

function pass(r) {
    const role = r.variables.role;
    if (role === 'analysts' && !is_question(r)) {
        refuse(r);
        return;
    }
    r.internalRedirect('@' + role);
}

function pass_editors(r) {
    if (r.variables.role === 'analysts') {
        refuse(r);
        return;
    }
    r.internalRedirect('@' + r.variables.role);
}

export default { find_role, log_in, pass, pass_editors };
