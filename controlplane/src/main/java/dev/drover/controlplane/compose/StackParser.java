package dev.drover.controlplane.compose;

import java.util.List;

/** Reads the two files of a stack. Pure: no I/O, no variables of the server's environment. */
@FunctionalInterface
public interface StackParser {

    /**
     * @param compose docker-compose.yml
     * @param rancherCompose rancher-compose.yml, empty for none
     * @return at least one service, in the order of the file
     * @throws ComposeException with everything that is wrong; names where and what was expected
     */
    List<ServiceDraft> parse(String compose, String rancherCompose);
}
