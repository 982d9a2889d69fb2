using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Library;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that take files by their paths.</summary>
public abstract class FileCmdlet : DiffusionCmdlet
{
    internal const string PathSet = "Path";
    internal const string LiteralPathSet = "LiteralPath";
    internal const string InputObjectSet = "InputObject";

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
    public string[] LiteralPath { get => _paths; set => (_paths, _isLiteral) = (value, true); }

    /// <summary>Writes a warning about a file.</summary>
    /// <param name="file">The full path of the file.</param>
    /// <param name="warning">The warning.</param>
    private protected void WarnOf(string file, string warning) => WriteWarning($"{System.IO.Path.GetFileName(file)}: {warning}");

    /// <summary>Writes a warning if the model that a file names is not there.</summary>
    /// <param name="file">The full path of the file.</param>
    /// <param name="model">The model's name, or a path of the user; null if unknown.</param>
    private protected void WarnOfModel(string file, string? model)
    {
        if (MissingModel(model) is string warning)
            WarnOf(file, warning);
    }

    /// <summary>What to say of a model that a file names and that is not there.</summary>
    /// <param name="model">The model's name, or a path of the user; null if unknown.</param>
    /// <returns>The warning; null if there is nothing to say.</returns>
    private protected static string? MissingModel(string? model) => model is null || ModelLibrary.Default.Models.Contains(model) || System.IO.Path.IsPathFullyQualified(model)
        ? null
        : PrintableText.Of($"The model '{model}' was not found among the models that Get-DiffusionModel lists; another model gives a different image. If you have it elsewhere, give its path with -Model.");

    /// <summary>The full paths of the files that a record names; those that are not there are written as errors.</summary>
    private protected IEnumerable<string> ResolvePaths() => PathHelper.ResolveInput(this, _paths, _isLiteral);
}
