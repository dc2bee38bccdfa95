// Says whose request this is, and lets analysts ask questions and nothing else. Their web server refuses the changes that
// it asks a permission for, but not two that it asks none for: whatever is not plainly a question is refused before it gets there.

const MUTATION = /\bmutation\b/;

// Whoever is in both groups is an editor. Groups are what the login said, never the browser.
function find_role(r) {
    const groups = (r.variables.groups || '').split(',');
    if (groups.includes(process.env.PROXY_EDITORS_GROUP)) {
        return 'editors';
    }
    return groups.includes(process.env.PROXY_ANALYSTS_GROUP) ? 'analysts' : 'nobody';
}

// A page leads to the login and back; a question of a page that is open already is told that it must log in.
function log_in(r) {
    if (/text\/html/.test(r.headersIn['Accept'] || '')) {
        r.return(302, '/oauth2/start?rd=' + encodeURIComponent(r.variables.request_uri));
        return;
    }
    r.return(401);
}

// A document of GraphQL names what it is in plain letters, once the JSON around it is read.
function is_question(r) {
    if (r.method === 'GET') {
        // A subscription's handshake, or the page to ask by; a document in the address is read by nobody here.
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
