# Writes OUTPUT, a C++ file with every *.cuh of FOLDER/kernels and FOLDER/plain/kernels as a string, found by the file's
# name: what NVRTC compiles when a model is bound. Run by the build: cmake -DFOLDER=… -DOUTPUT=… -P embed_kernels.cmake
file(GLOB texts ${FOLDER}/kernels/*.cuh ${FOLDER}/plain/kernels/*.cuh)
set(source "#include \"backends/cuda/codegen/kernel_spec.h\"\n#include \"core/error.h\"\n\nnamespace tenon::cuda {\n\n")
string(APPEND source "std::string_view kernel_text(std::string_view name) {\n")
foreach(path IN LISTS texts)
  get_filename_component(name ${path} NAME_WE)
  file(READ ${path} text)
  string(APPEND source "  if (name == \"${name}\") return R\"cuda(${text})cuda\";\n")
endforeach()
string(APPEND source "  fail(ErrorCode::internal, \"there is no kernel text {}\", name);\n}\n\n}  // namespace tenon::cuda\n")
file(WRITE ${OUTPUT} "${source}")
