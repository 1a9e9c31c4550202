// A fuzz target's corpus, also where there is no libFuzzer: seeds, and every sequence that once found something new, or a fault.
// CELLA_FUZZ_CORPUS is its folder, CELLA_FUZZ_CORPUS_MINIMUM how many files are there at least.
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(unsigned char const* data, std::size_t size);

TEST_CASE("the corpus of the fuzz target") {
    int count = 0;
    for (auto const& entry : std::filesystem::directory_iterator{CELLA_FUZZ_CORPUS}) {
        std::ifstream file{entry.path(), std::ios::binary};
        std::vector<unsigned char> const bytes{std::istreambuf_iterator<char>{file}, {}};
        CAPTURE(entry.path().string());
        CHECK(LLVMFuzzerTestOneInput(bytes.data(), bytes.size()) == 0); // a fault ends the program, and says where
        ++count;
    }
    CHECK(count >= CELLA_FUZZ_CORPUS_MINIMUM);
}
