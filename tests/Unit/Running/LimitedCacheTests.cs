using StableDiffusion.Storage;

namespace StableDiffusion.Tests.Running;

/// <summary>Tests of the cache for prepared graphs that set its limit, which the whole process has in common.</summary>
public abstract class LimitedCacheTests : IDisposable
{
    protected const string LimitVariable = "STABLEDIFFUSION_MAX_PREPARED_MB";

    private protected TemporaryFolder Folder { get; } = new();

    private protected List<ProgressReport> Reports { get; } = [];

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(LimitVariable, null);
        Folder.Dispose();
        GC.SuppressFinalize(this);
    }
}
