package dev.drover.controlplane.policy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.controlplane.policy.LinkGroups.Pair;
import org.junit.jupiter.api.Test;

class LinkGroupsTest {
    private final LinkGroups links = new LinkGroups();

    @Test
    void aServiceIsLinkedInOneDirectionAndOnlyWhileBothHaveContainers() {
        links.link("shop/web", "shop/db");
        assertThat(links.group("shop/web", "shop-web-1")).isEqualTo("shop/web");
        assertThat(links.pairs()).isEmpty();
        assertThat(links.group("shop/db", "shop-db-1")).isEqualTo("shop/db");
        assertThat(links.group("", "stranger")).isEmpty();
        assertThat(links.pairs()).containsExactly(new Pair("shop/web", "shop/db"));
    }

    @Test
    void aContainerThatALinkNamesIsReachedAloneAndHasTheLinksOfItsService() {
        links.linkContainer("shop/web", "Shop-DB-1");
        links.linkContainer("shop/web", "cache");
        links.link("shop/app", "shop/db");
        links.link("shop/db", "shop/log");
        links.group("shop/web", "shop-web-1");
        links.group("shop/app", "shop-app-1");
        links.group("shop/log", "shop-log-1");
        assertThat(links.group("shop/db", "shop-db-1")).isEqualTo("container:shop-db-1 of shop/db");
        assertThat(links.group("shop/db", "shop-db-2")).isEqualTo("shop/db");
        assertThat(links.group("", "cache")).isEqualTo("container:cache");
        assertThat(links.pairs())
                .containsExactlyInAnyOrder(
                        new Pair("shop/web", "container:shop-db-1 of shop/db"),
                        new Pair("shop/web", "container:cache"),
                        new Pair("shop/app", "container:shop-db-1 of shop/db"),
                        new Pair("shop/app", "shop/db"),
                        new Pair("shop/db", "shop/log"),
                        new Pair("container:shop-db-1 of shop/db", "shop/log"));
    }
}
