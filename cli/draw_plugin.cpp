#include "draw_plugin.h"

#include <memory>

#include <gvc.h>

extern "C" {
DrawSvg tenon_draw_svg;
extern gvplugin_library_t gvplugin_core_LTX_library, gvplugin_dot_layout_LTX_library;
}

namespace {

/// Only the layout and the writer of SVG, no fonts of the machine: the same graph gives the same picture everywhere.
const lt_symlist_t kPlugins[] = {{"gvplugin_core_LTX_library", &gvplugin_core_LTX_library},
                                 {"gvplugin_dot_layout_LTX_library", &gvplugin_dot_layout_LTX_library},
                                 {nullptr, nullptr}};

}  // namespace

extern "C" int tenon_draw_svg(const char* dot, void (*take)(void*, const char*, std::size_t), void* context) {
  const std::unique_ptr<GVC_t, int (*)(GVC_t*)> graphviz(gvContextPlugins(kPlugins, 0), gvFreeContext);
  const std::unique_ptr<Agraph_t, int (*)(Agraph_t*)> graph(agmemread(dot), agclose);
  if (!graphviz || !graph || gvLayout(graphviz.get(), graph.get(), "dot") != 0) return 1;
  char* svg = nullptr;
  unsigned int length = 0;
  const int failed = gvRenderData(graphviz.get(), graph.get(), "svg", &svg, &length);
  if (failed == 0) take(context, svg, length);
  gvFreeRenderData(svg);
  gvFreeLayout(graphviz.get(), graph.get());
  return failed == 0 ? 0 : 1;
}
