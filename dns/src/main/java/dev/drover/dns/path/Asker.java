package dev.drover.dns.path;

/** Who waits for the reply to a query. Called once, on the lane that read the query. */
interface Asker {
    void reply(Reply reply);
}
