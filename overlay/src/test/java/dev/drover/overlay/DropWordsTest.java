package dev.drover.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.drover.overlay.path.Drop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DropWordsTest {

    @ParameterizedTest
    @EnumSource
    void theDocumentationHasTheWordsOfTheCode(Drop drop) throws Exception {
        assertThat(Files.readString(Path.of("README.md")))
                .contains("| `" + drop.name().toLowerCase(Locale.ROOT) + "` | " + drop.meaning() + " | " + drop.advice()
                        + " |");
    }
}
