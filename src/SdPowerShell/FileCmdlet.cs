using System.Management.Automation;
using SdPowerShell.Parameters;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take files by their paths.</summary>
public abstract class FileCmdlet : DiffusionCmdlet
{
    internal const string PathSet = "Path";
    internal const string LiteralPathSet = "LiteralPath";

    private string[] _paths = [];
    private bool _isLiteral;

    /// <summary>The files; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get => _paths; set => (_paths, _isLiteral) = (value, false); }

    /// <summary>The files, taken as they are written.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "LP")]
    [ValidateNotNullOrEmpty]
    public virtual string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>Writes a warning if the model that a file names is not there.</summary>
    /// <param name="file">The full path of the file.</param>
    /// <param name="model">The model's name, or a path of the user; null if unknown.</param>
    private protected void WarnOfModel(string file, string? model)
    {
        if (MissingModel(model) is string warning)
            WarnOf(file, warning);
    }

    /// <summary>The full paths of the files that a record names; those that are not there are written as errors.</summary>
    /// <param name="extension">The extension, with its dot, that the Export cmdlet adds to names without one; null for none.</param>
    private protected IEnumerable<string> ResolvePaths(string? extension = null) => PathHelper.ResolveInput(this, _paths.Select(path => extension is not null && IsShort(path, extension) ? path + extension : path), _isLiteral);

    private bool IsShort(string path, string extension) => PathHelper.FindExisting(this, path) is null && PathHelper.FindExisting(this, path + extension) is not null;
}
