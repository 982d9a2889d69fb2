using StableDiffusion.Models;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>Base of the tests of cmdlets that have models and a cache of their own.</summary>
public abstract class StoreTests : CommandTests
{
    private readonly string? _models = Environment.GetEnvironmentVariable(StorageFolders.ModelsVariable);
    private readonly string? _cache = Environment.GetEnvironmentVariable(StorageFolders.CacheVariable);

    protected StoreTests(CommandShell fixture)
        : base(fixture)
    {
        Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, Folder["store"]);
        Environment.SetEnvironmentVariable(StorageFolders.CacheVariable, Folder["cache"]);
    }

    public override void Dispose()
    {
        ModelCache.Clear();
        Environment.SetEnvironmentVariable(StorageFolders.ModelsVariable, _models);
        Environment.SetEnvironmentVariable(StorageFolders.CacheVariable, _cache);
        base.Dispose();
    }
}
