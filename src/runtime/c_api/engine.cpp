#include "runtime/c_api/handles.h"

using namespace tenon::c_api;

extern "C" {

TenonStatus tenon_engine_build(const TenonModel* model, const TenonBindOptions* options, TenonEngine** engine) {
  return guarded([&] {
    require(engine, "engine");
    *engine = new TenonEngine{.engine = tenon::Engine::build(require(model, "model")->model, options_of(options))};
  });
}

TenonStatus tenon_engine_save(const TenonEngine* engine, const char* path) {
  return guarded([&] { require(engine, "engine")->engine.save(require(path, "path")); });
}

TenonStatus tenon_engine_load(const char* path, TenonEngine** engine) {
  return guarded([&] {
    require(engine, "engine");
    *engine = new TenonEngine{.engine = tenon::Engine::load(require(path, "path"))};
  });
}

void tenon_engine_free(TenonEngine* engine) {
  delete engine;
}

TenonStatus tenon_engine_info(const TenonEngine* engine, TenonEngineInfo* info) {
  return guarded([&] {
    require(info, "info");
    const tenon::BindOptions& options = require(engine, "engine")->engine.options();
    *info = {engine->device.c_str(), options.backend.c_str(), options.precision.c_str(), options.threads};
  });
}

TenonStatus tenon_engine_session(const TenonEngine* engine, TenonExecutor** session) {
  return guarded([&] {
    require(session, "session");
    *session = new TenonExecutor(tenon::Session(require(engine, "engine")->engine));
  });
}

}  // extern "C"
