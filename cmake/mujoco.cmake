# MuJoCo from its PyPI wheel: headers and library are inside.
file(GLOB WARMSTART_SITE "${WARMSTART_VENV}/lib/python3*/site-packages")
find_path(MUJOCO_INCLUDE mujoco/mujoco.h PATHS "${WARMSTART_SITE}/mujoco/include" NO_CACHE NO_DEFAULT_PATH)
file(GLOB MUJOCO_LIBRARY "${WARMSTART_SITE}/mujoco/libmujoco.so.*")
if(NOT MUJOCO_INCLUDE OR NOT MUJOCO_LIBRARY)
  message(FATAL_ERROR "MuJoCo is not in ${WARMSTART_VENV}: run `make setup` first")
endif()
add_library(mujoco SHARED IMPORTED)
set_target_properties(mujoco PROPERTIES IMPORTED_LOCATION "${MUJOCO_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${MUJOCO_INCLUDE}")
