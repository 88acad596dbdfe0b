// A Vulkan driver around Mesa's RADV, by which Dawn reaches AMD's compiler on a machine without a GPU. RADV can emulate a
// chip (RADV_FORCE_FAMILY), but such a device runs nothing: commands, submissions and fences are answered here and go no
// further. RADV compiles every compute pipeline with its statistics and intermediate code captured; these are written,
// numbered, into the folder CURIO_RADV_OUT:
//   N.txt    name <tab> value, one per line: the subgroup size, then RADV's statistics
//   N.spv    the SPIR-V that Dawn handed over
//   N.nir, N.aco, N.s    RADV's texts: before the back end, its own form, the machine code
// Environment: CURIO_RADV_DRIVER, the path of libvulkan_radeon.so; CURIO_RADV_OUT; CURIO_RADV_SUBGROUP, 32 or 64, the
// subgroup size of every pipeline from then on (without it as Dawn asks).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

typedef PFN_vkVoidFunction(VKAPI_PTR *GetProc)(void *, const char *);

// RADV's own functions.
static struct {
  GetProc instanceProc, physicalProc, deviceProc;
  PFN_vkCreateDevice createDevice;
  PFN_vkCreateShaderModule createShaderModule;
  PFN_vkCreateComputePipelines createComputePipelines;
  PFN_vkGetPipelineExecutablePropertiesKHR executables;
  PFN_vkGetPipelineExecutableStatisticsKHR statistics;
  PFN_vkGetPipelineExecutableInternalRepresentationsKHR texts;
} radv;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail(const char *what, const char *why) {
  fprintf(stderr, "radv-wrapper: %s: %s\n", what, why);
  exit(3);
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  if (!value) fail(name, "is not set");
  return value;
}

static void *symbol(const char *name) {
  static void *driver;
  if (!driver) driver = dlopen(variable("CURIO_RADV_DRIVER"), RTLD_NOW | RTLD_LOCAL);
  if (!driver) fail("dlopen", dlerror());
  return dlsym(driver, name);
}

static FILE *output(int number, const char *ending) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d.%s", variable("CURIO_RADV_OUT"), number, ending);
  FILE *file = fopen(path, "wb");
  if (!file) fail(path, "cannot be written");
  return file;
}

// The SPIR-V of each module, kept until a pipeline is made of it; newest first, since handles are reused.
struct Code {
  VkShaderModule module;
  size_t bytes;
  void *words;
  struct Code *next;
};
static struct Code *codes;

static VkResult VKAPI_CALL createShaderModule(VkDevice device, const VkShaderModuleCreateInfo *info,
                                              const VkAllocationCallbacks *allocator, VkShaderModule *module) {
  VkResult result = radv.createShaderModule(device, info, allocator, module);
  if (result != VK_SUCCESS) return result;
  struct Code *code = malloc(sizeof *code);
  *code = (struct Code){*module, info->codeSize, malloc(info->codeSize), NULL};
  memcpy(code->words, info->pCode, info->codeSize);
  pthread_mutex_lock(&lock);
  code->next = codes;
  codes = code;
  pthread_mutex_unlock(&lock);
  return result;
}

// A device with the extension that gives statistics and texts.
static VkResult VKAPI_CALL createDevice(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
                                        const VkAllocationCallbacks *allocator, VkDevice *device) {
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, (void *)info->pNext, VK_TRUE};
  VkDeviceCreateInfo mine = *info;
  const char **names = malloc((info->enabledExtensionCount + 1) * sizeof *names);
  if (info->enabledExtensionCount > 0)
    memcpy(names, info->ppEnabledExtensionNames, info->enabledExtensionCount * sizeof *names);
  names[mine.enabledExtensionCount++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  mine.ppEnabledExtensionNames = names;
  mine.pNext = &feature;
  VkResult result = radv.createDevice(physical, &mine, allocator, device);
  free(names);
  if (result != VK_SUCCESS) return result;
  radv.executables = (void *)radv.deviceProc(*device, "vkGetPipelineExecutablePropertiesKHR");
  radv.statistics = (void *)radv.deviceProc(*device, "vkGetPipelineExecutableStatisticsKHR");
  radv.texts = (void *)radv.deviceProc(*device, "vkGetPipelineExecutableInternalRepresentationsKHR");
  return result;
}

static void writeStatistics(FILE *file, VkDevice device, VkPipeline pipeline) {
  VkPipelineExecutableInfoKHR of = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, pipeline, 0};
  uint32_t count = 0;
  radv.statistics(device, &of, &count, NULL);
  VkPipelineExecutableStatisticKHR *all = calloc(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  radv.statistics(device, &of, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    if (all[i].format == VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR)
      fprintf(file, "%s\t%g\n", all[i].name, all[i].value.f64);
    else
      fprintf(file, "%s\t%llu\n", all[i].name, (unsigned long long)all[i].value.u64);
  }
  free(all);
}

static void writeTexts(int number, VkDevice device, VkPipeline pipeline) {
  VkPipelineExecutableInfoKHR of = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, pipeline, 0};
  uint32_t count = 0;
  radv.texts(device, &of, &count, NULL);
  VkPipelineExecutableInternalRepresentationKHR *all = calloc(count, sizeof *all);
  for (uint32_t i = 0; i < count; i++)
    all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  radv.texts(device, &of, &count, all); // how long they are
  for (uint32_t i = 0; i < count; i++) all[i].pData = calloc(1, all[i].dataSize + 1);
  radv.texts(device, &of, &count, all);
  for (uint32_t i = 0; i < count; i++) {
    const char *ending = strstr(all[i].name, "NIR") ? "nir" : strstr(all[i].name, "Assembly") ? "s" : "aco";
    FILE *file = output(number, ending);
    fputs(all[i].pData, file);
    fclose(file);
    free(all[i].pData);
  }
  free(all);
}

static void report(VkDevice device, VkPipeline pipeline, VkShaderModule module) {
  static int count;
  int number = count++;
  for (struct Code *code = codes; code; code = code->next) {
    if (code->module != module) continue;
    FILE *file = output(number, "spv");
    fwrite(code->words, 1, code->bytes, file);
    fclose(file);
    break;
  }
  writeTexts(number, device, pipeline);
  VkPipelineInfoKHR of = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, pipeline};
  VkPipelineExecutablePropertiesKHR executable = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
  uint32_t one = 1;
  radv.executables(device, &of, &one, &executable);
  FILE *file = output(number, "txt"); // written last, so that the others exist once it does
  fprintf(file, "Subgroup size\t%u\n", executable.subgroupSize);
  writeStatistics(file, device, pipeline);
  fclose(file);
}

static VkPipelineShaderStageRequiredSubgroupSizeCreateInfo *requiredSize(const VkPipelineShaderStageCreateInfo *stage) {
  for (VkBaseOutStructure *each = (void *)stage->pNext; each; each = each->pNext) {
    if (each->sType == VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO) return (void *)each;
  }
  return NULL;
}

static VkResult createOne(VkDevice device, const VkComputePipelineCreateInfo *info,
                          const VkAllocationCallbacks *allocator, VkPipeline *pipeline) {
  VkComputePipelineCreateInfo mine = *info;
  mine.flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
  mine.flags |= VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  const char *wanted = getenv("CURIO_RADV_SUBGROUP");
  uint32_t size = wanted ? (uint32_t)atoi(wanted) : 0;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo *given = requiredSize(&mine.stage);
  uint32_t asked = given ? given->requiredSubgroupSize : 0;
  VkPipelineShaderStageRequiredSubgroupSizeCreateInfo own = {
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO, (void *)mine.stage.pNext, size};
  if (size) {
    mine.stage.flags &= ~VK_PIPELINE_SHADER_STAGE_CREATE_ALLOW_VARYING_SUBGROUP_SIZE_BIT;
    if (given) given->requiredSubgroupSize = size;
    else mine.stage.pNext = &own;
  }
  // Without the cache: what comes out of one has no texts.
  VkResult result = radv.createComputePipelines(device, VK_NULL_HANDLE, 1, &mine, allocator, pipeline);
  if (given) given->requiredSubgroupSize = asked;
  if (result == VK_SUCCESS) report(device, *pipeline, info->stage.module);
  return result;
}

static VkResult VKAPI_CALL createComputePipelines(VkDevice device, VkPipelineCache cache, uint32_t count,
                                                  const VkComputePipelineCreateInfo *infos,
                                                  const VkAllocationCallbacks *allocator, VkPipeline *pipelines) {
  (void)cache;
  VkResult worst = VK_SUCCESS;
  pthread_mutex_lock(&lock);
  for (uint32_t i = 0; i < count; i++) {
    VkResult result = createOne(device, &infos[i], allocator, &pipelines[i]);
    if (result != VK_SUCCESS) worst = result;
  }
  pthread_mutex_unlock(&lock);
  return worst;
}

static VkResult VKAPI_CALL succeed(void) { return VK_SUCCESS; }
static void VKAPI_CALL doNothing(void) {}

// RADV cannot create one without the kernel's driver; only functions that are answered here are given it.
static VkResult VKAPI_CALL createFence(VkDevice device, const VkFenceCreateInfo *info,
                                       const VkAllocationCallbacks *allocator, VkFence *fence) {
  (void)device, (void)info, (void)allocator;
  *fence = (VkFence)(uintptr_t)1;
  return VK_SUCCESS;
}

// Functions that would run something.
static const char *const answered[] = {
    "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer", "vkResetCommandPool",
    "vkQueueSubmit",        "vkQueueSubmit2",     "vkQueueSubmit2KHR",    "vkQueueWaitIdle",
    "vkDeviceWaitIdle",     "vkWaitForFences",    "vkGetFenceStatus",     "vkResetFences",
};

// The function for a name: ours, an empty one, or RADV's.
static PFN_vkVoidFunction standIn(const char *name, PFN_vkVoidFunction real) {
  if (!real) return real;
  if (!strcmp(name, "vkCreateDevice")) {
    radv.createDevice = (void *)real;
    return (PFN_vkVoidFunction)createDevice;
  }
  if (!strcmp(name, "vkCreateShaderModule")) {
    radv.createShaderModule = (void *)real;
    return (PFN_vkVoidFunction)createShaderModule;
  }
  if (!strcmp(name, "vkCreateComputePipelines")) {
    radv.createComputePipelines = (void *)real;
    return (PFN_vkVoidFunction)createComputePipelines;
  }
  if (!strcmp(name, "vkCreateFence")) return (PFN_vkVoidFunction)createFence;
  if (!strcmp(name, "vkDestroyFence")) return (PFN_vkVoidFunction)doNothing;
  if (!strncmp(name, "vkCmd", 5)) return (PFN_vkVoidFunction)doNothing;
  for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
    if (!strcmp(name, answered[i])) return (PFN_vkVoidFunction)succeed;
  }
  return real;
}

static PFN_vkVoidFunction VKAPI_CALL deviceProc(void *device, const char *name) {
  return standIn(name, radv.deviceProc(device, name));
}

// The entry points that Vulkan's loader needs from a driver.
PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  if (!radv.instanceProc) radv.instanceProc = (GetProc)symbol("vk_icdGetInstanceProcAddr");
  PFN_vkVoidFunction real = radv.instanceProc(instance, name);
  if (!real || strcmp(name, "vkGetDeviceProcAddr")) return standIn(name, real);
  radv.deviceProc = (GetProc)real;
  return (PFN_vkVoidFunction)deviceProc;
}

PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  if (!radv.physicalProc) radv.physicalProc = (GetProc)symbol("vk_icdGetPhysicalDeviceProcAddr");
  return radv.physicalProc ? standIn(name, radv.physicalProc(instance, name)) : NULL;
}

VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  VkResult (*next)(uint32_t *) = (VkResult(*)(uint32_t *))symbol("vk_icdNegotiateLoaderICDInterfaceVersion");
  return next(version);
}
