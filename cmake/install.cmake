# `cmake --install build/release --prefix PREFIX`: program, libraries, public headers, what the program reads. PREFIX may be moved:
# the program looks for libraries and files relative to itself. `make dist` adds the system's libraries and packs it.
include(CMakePackageConfigHelpers)
set(WARMSTART_ROOMS core io envs nn agents data diagnostics phases)

# what programs of one's own link (docs/own-program.md)
add_library(warmstart_library INTERFACE)
target_link_libraries(warmstart_library INTERFACE warmstart_phases)
set_target_properties(warmstart_library PROPERTIES EXPORT_NAME warmstart)
add_library(warmstart::warmstart ALIAS warmstart_library)

# what a program needs that only acts with a saved policy (warmstart/policy.h)
add_library(warmstart_policy INTERFACE)
target_link_libraries(warmstart_policy INTERFACE warmstart_phases_act)
set_target_properties(warmstart_policy PROPERTIES EXPORT_NAME policy)
add_library(warmstart::policy ALIAS warmstart_policy)
set(policy_targets warmstart_policy warmstart_flags warmstart_core warmstart_io_act warmstart_envs_act
    warmstart_nn_act warmstart_agents_act warmstart_phases_act)

set(targets warmstart_library)
foreach(room ${WARMSTART_ROOMS})
  if(NOT room STREQUAL core)
    list(APPEND targets warmstart_${room})
  endif()
  # headers that show another library's types are ours alone
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/warmstart/${room} DESTINATION include/warmstart FILES_MATCHING PATTERN "*.h"
          PATTERN cpu EXCLUDE PATTERN reference EXCLUDE PATTERN "hdf5_*.h" EXCLUDE PATTERN mujoco_env.h EXCLUDE
          PATTERN adroit EXCLUDE)
endforeach()
install(TARGETS ${policy_targets} EXPORT warmstart-policy-targets ARCHIVE DESTINATION lib/warmstart)
install(TARGETS ${targets} EXPORT warmstart-targets ARCHIVE DESTINATION lib/warmstart)
install(FILES warmstart/warmstart.h warmstart/policy.h DESTINATION include/warmstart)
install(EXPORT warmstart-policy-targets NAMESPACE warmstart:: DESTINATION lib/cmake/warmstart)
install(EXPORT warmstart-targets NAMESPACE warmstart:: DESTINATION lib/cmake/warmstart)
configure_file(cmake/warmstart-policy.pc.in ${CMAKE_BINARY_DIR}/warmstart-policy.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/warmstart-policy.pc DESTINATION lib/pkgconfig)
configure_package_config_file(cmake/warmstart-config.cmake.in ${CMAKE_BINARY_DIR}/warmstart-config.cmake
                              INSTALL_DESTINATION lib/cmake/warmstart)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/warmstart-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/warmstart-config.cmake ${CMAKE_BINARY_DIR}/warmstart-config-version.cmake
        DESTINATION lib/cmake/warmstart)

# DT_RPATH holds for the libraries of libraries as well, DT_RUNPATH would not
target_link_options(warmstart PRIVATE -Wl,--disable-new-dtags)
set_target_properties(warmstart PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/warmstart")
install(TARGETS warmstart RUNTIME DESTINATION bin)
install(FILES ${MUJOCO_LIBRARY} DESTINATION lib/warmstart)

set(share share/warmstart)
install(DIRECTORY recipes studies DESTINATION ${share})
install(DIRECTORY examples DESTINATION ${share})
install(FILES README.md DESTINATION ${share})
# manual page and completions, written by the program itself
foreach(page man:share/man/man1/warmstart.1 bash:share/bash-completion/completions/warmstart zsh:share/zsh/site-functions/_warmstart
        fish:share/fish/vendor_completions.d/warmstart.fish)
  string(REGEX MATCH "^([a-z]+):(.*)/([^/]+)$" _ ${page})
  set(page_format ${CMAKE_MATCH_1})
  set(page_folder ${CMAKE_MATCH_2})
  set(page_file ${CMAKE_BINARY_DIR}/pages/${CMAKE_MATCH_2}/${CMAKE_MATCH_3})
  install(CODE "file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/pages/${page_folder})
    execute_process(COMMAND $<TARGET_FILE:warmstart> reference --format ${page_format} OUTPUT_FILE ${page_file} COMMAND_ERROR_IS_FATAL ANY)")
  install(FILES ${page_file} DESTINATION ${page_folder})
endforeach()
install(FILES ${WARMSTART_SITE}/plotly/package_data/plotly.min.js DESTINATION ${share})
foreach(name ant half_cheetah hopper walker2d walker2d_v5)
  install(FILES ${WARMSTART_SITE}/gymnasium/envs/mujoco/assets/${name}.xml DESTINATION ${share}/assets/gymnasium/envs/mujoco/assets)
endforeach()
install(FILES ${WARMSTART_SITE}/gymnasium_robotics/envs/assets/point/point.xml
        DESTINATION ${share}/assets/gymnasium_robotics/envs/assets/point)
install(DIRECTORY ${WARMSTART_SITE}/gymnasium_robotics/envs/assets/adroit_hand ${WARMSTART_SITE}/gymnasium_robotics/envs/assets/kitchen_franka
        DESTINATION ${share}/assets/gymnasium_robotics/envs/assets)
install(FILES ${WARMSTART_SITE}/gymnasium_robotics/envs/assets/LICENSE.md DESTINATION ${share}/licences/gymnasium_robotics/assets)
install(DIRECTORY ${WARMSTART_SITE}/gym_hil/assets/franka_emika_panda ${WARMSTART_SITE}/gym_hil/assets/robotiq_2f85
        DESTINATION ${share}/assets/gym_hil/assets)  # the arm's looks
install(FILES ${WARMSTART_SITE}/gym_hil/assets/panda.xml DESTINATION ${share}/assets/gym_hil/assets)
install(FILES ${WARMSTART_SITE}/ogbench/locomaze/assets/ant.xml DESTINATION ${share}/assets/ogbench/locomaze/assets)
install(DIRECTORY data/policies DESTINATION ${share})
foreach(wheel mujoco gymnasium gymnasium_robotics gym_hil ogbench plotly)
  file(GLOB texts ${WARMSTART_SITE}/${wheel}-*.dist-info/licenses/LICENSE* ${WARMSTART_SITE}/${wheel}-*.dist-info/LICENSE*)
  install(FILES ${texts} DESTINATION ${share}/licences/${wheel})
endforeach()
