// resave SYMBOL PARAMS PREFIX: loads a checkpoint and writes it again as PREFIX-symbol.json and PREFIX-0000.params.

#include <tenon/error.h>
#include <tenon/model.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: resave SYMBOL PARAMS PREFIX\n";
    return 2;
  }
  try {
    tenon::Model::load_files(argv[1], argv[2]).save(argv[3]);
  } catch (const tenon::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
