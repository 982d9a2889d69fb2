using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Jobs;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take jobs, by their folders or names.</summary>
public abstract class JobCmdlet : DiffusionCmdlet
{
    // So many jobs are named where one is not found.
    private const int MostNamed = 10;

    private string[] _paths = ["."];
    private bool _isLiteral;

    /// <summary>The folders of the images, or those of the jobs; wildcards are allowed. The default is the current folder.</summary>
    [Parameter(Position = 0, ParameterSetName = FileCmdlet.PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The folders, taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = FileCmdlet.LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP", "Folder")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>The names of the jobs; wildcards are allowed.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(JobNameCompleter))]
    public string[] Name { get; set; } = [NameMatcher.All];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string path in PathHelper.ResolveInput(this, _paths, _isLiteral))
            ProcessOne(path, () => Process(Look(Find(path))));
    }

    /// <summary>Does the work for the jobs at one path.</summary>
    /// <param name="jobs">The jobs, each looked at when it is enumerated.</param>
    private protected abstract void Process(IEnumerable<DiffusionJob> jobs);

    /// <summary>Looks at jobs.</summary>
    /// <param name="folders">Their folders. The record of one that is damaged is an error.</param>
    private protected IEnumerable<DiffusionJob> Look(IReadOnlyList<JobFolder> folders)
    {
        List<(JobFolder Folder, JobRecord Record)> known = [];
        foreach (JobFolder folder in folders)
            ProcessOne(folder.Path, () => known.Add((folder, folder.ReadRecord())));
        return JobMonitor.Look(known, CancellationToken);
    }

    private IReadOnlyList<JobFolder> Find(string path)
    {
        IReadOnlyList<JobFolder> all = JobFolder.Find(path);
        List<JobFolder> found = [];
        NameMatcher.ForEach(
            this,
            Name,
            () => all,
            static job => [job.Name],
            name => throw new JobNotFoundException($"There is no job '{name}' in '{path}'. There {(all.Count == 1 ? "is" : "are")} {string.Join(", ", all.Take(MostNamed).Select(static job => $"'{job.Name}'"))}{(all.Count > MostNamed ? " and others" : string.Empty)}."),
            found.Add);
        return [.. found.DistinctBy(static job => job.Name)];
    }
}
