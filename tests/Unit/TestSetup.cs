using System.Runtime.CompilerServices;
using StableDiffusion.Storage;

namespace StableDiffusion.Tests;

/// <summary>Keeps the tests away from the user's own models and graphs.</summary>
internal static class TestSetup
{
    [ModuleInitializer]
    internal static void UseOwnFolders()
    {
        Environment.SetEnvironmentVariable(StorageFolders.CacheVariable, Path.Combine(AppContext.BaseDirectory, "cache"));
        Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, Path.Combine(AppContext.BaseDirectory, "models"));
        Environment.SetEnvironmentVariable(StorageFolders.ControlNetsVariable, Path.Combine(AppContext.BaseDirectory, "controlnets"));
        Environment.SetEnvironmentVariable(StorageFolders.VaesVariable, Path.Combine(AppContext.BaseDirectory, "vaes"));
        Environment.SetEnvironmentVariable(StorageFolders.UpscalersVariable, Path.Combine(AppContext.BaseDirectory, "upscalers"));
        Environment.SetEnvironmentVariable(StorageFolders.DetectorsVariable, Path.Combine(AppContext.BaseDirectory, "detectors"));
    }
}
