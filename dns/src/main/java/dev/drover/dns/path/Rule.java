package dev.drover.dns.path;

/** Why a question is answered as it is. */
public enum Rule {
    /** A name of the client's own view: a link, an alias. */
    VIEW("a name of the client's own view"),
    /** Found in one of the domains that the client searches. */
    SEARCH("found in a domain that the client searches"),
    /** A name that everybody sees. */
    NAME("a name of the zone"),
    APEX("the zone itself"),
    /** Exists because there are names below it. */
    EMPTY("only names below it have records"),
    /** Under our zone, and there is nothing. */
    MISSING("no such name in the zone"),
    /** The name of an address of ours. */
    REVERSE("an address of ours"),
    /** Not ours: asked of an upstream. */
    FORWARD("not ours, asked of an upstream");

    private final String meaning;

    Rule(String meaning) {
        this.meaning = meaning;
    }

    public String meaning() {
        return meaning;
    }
}
