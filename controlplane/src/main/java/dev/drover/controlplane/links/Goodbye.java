package dev.drover.controlplane.links;

import com.linecorp.armeria.common.websocket.WebSocketCloseStatus;

/** Why the server ends a connection; the code (RFC 6455, section 7.4) tells the node whether trying again makes sense. */
enum Goodbye {
    /** Not a message of the link, or one that does not fit its place. */
    MALFORMED(1007, "malformed", "not a message of the link"),
    TOO_BIG(1009, "too-big", "message too big"),
    /** No hello in time, or no sign of life. */
    SILENT(1008, "silent", "nothing heard"),
    /** The host or its environment was removed: the key is good for nothing any more. */
    REMOVED(4403, "removed", "host was removed"),
    /** A newer connection of the same host has taken over. */
    REPLACED(4409, "replaced", "replaced by a newer connection of this host"),
    /** Another node with the same key is connected and alive. */
    DUPLICATE(4410, "duplicate", "another node with this host's key is connected"),
    /** The server could not store what the node said; it should come again. */
    FAILED(1011, "failed", "the server failed"),
    STOPPING(1012, "stopping", "the server stops");

    private static final int FIRST_PRIVATE = 4000;

    final int code;
    final String label;
    final String phrase;

    Goodbye(int code, String label, String phrase) {
        this.code = code;
        this.label = label;
        this.phrase = phrase;
    }

    WebSocketCloseStatus status() {
        return code < FIRST_PRIVATE
                ? WebSocketCloseStatus.valueOf(code)
                : WebSocketCloseStatus.ofPrivateUse(code, phrase);
    }
}
