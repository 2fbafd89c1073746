#include "runtime/c_api/handles.h"

using namespace tenon::c_api;

extern "C" {

TenonStatus tenon_engine_build(const TenonModel* model, const TenonBindOptions* options, TenonEngine** engine) {
  return guarded([&] {
    require(engine, "engine");
    *engine = new TenonEngine{tenon::Engine::build(require(model, "model")->model, options_of(options))};
  });
}

TenonStatus tenon_engine_save(const TenonEngine* engine, const char* path) {
  return guarded([&] { require(engine, "engine")->engine.save(require(path, "path")); });
}

TenonStatus tenon_engine_load(const char* path, TenonEngine** engine) {
  return guarded([&] {
    require(engine, "engine");
    *engine = new TenonEngine{tenon::Engine::load(require(path, "path"))};
  });
}

void tenon_engine_free(TenonEngine* engine) {
  delete engine;
}

TenonStatus tenon_engine_session(const TenonEngine* engine, TenonExecutor** session) {
  return guarded([&] {
    require(session, "session");
    *session = new TenonExecutor(tenon::Session(require(engine, "engine")->engine));
  });
}

}  // extern "C"
