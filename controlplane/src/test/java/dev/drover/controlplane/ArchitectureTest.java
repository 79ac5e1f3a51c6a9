package dev.drover.controlplane;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {
    private static final String ROOT = "dev.drover.controlplane";
    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(ROOT);

    @Test
    void staysOutOfTheDataPath() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "dev.drover.dataplane..",
                        "dev.drover.overlay..",
                        "dev.drover.lb..",
                        "dev.drover.dns..",
                        "dev.drover.node..")
                .check(classes);
    }

    @Test
    void keepsTheHttpServerInApiAndLinks() {
        noClasses()
                .that()
                .resideOutsideOfPackages(ROOT + ".api..", ROOT + ".links..")
                .and()
                .doNotHaveFullyQualifiedName(ROOT + ".ControlPlane")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("com.linecorp.armeria..", "io.netty..")
                .check(classes);
    }

    @Test
    void keepsSqlInTheStoreAndCryptographyInSecurity() {
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".store..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.sql..", "org.sqlite..")
                .check(classes);
        noClasses()
                .that()
                .resideOutsideOfPackage(ROOT + ".security..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.bouncycastle..")
                .check(classes);
    }

    @Test
    void lowerPackagesKnowNothingOfHigherOnes() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".store..")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(ROOT + ".store..", "java..", "org.slf4j..", "org.jspecify..")
                .check(classes);
        noClasses()
                .that()
                .resideInAnyPackage(ROOT + ".model..", ROOT + ".link..", ROOT + ".repository..", ROOT + ".security..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        ROOT + ".api..",
                        ROOT + ".links..",
                        ROOT + ".schedule..",
                        ROOT + ".desired..",
                        ROOT + ".compose..")
                .check(classes);
        slices().matching(ROOT + ".(*)..").should().beFreeOfCycles().check(classes);
    }
}
