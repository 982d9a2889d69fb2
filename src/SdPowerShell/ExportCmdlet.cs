using System.Management.Automation;
using SdPowerShell.Parameters;

namespace SdPowerShell;

/// <summary>Base of the cmdlets that write objects to files: to one that is given, or to a folder where they are named after prompt and seed.</summary>
public abstract class ExportCmdlet : DiffusionCmdlet
{
    internal const string PathSet = "Path";
    internal const string DirectorySet = "Directory";

    /// <summary>The file to write.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [Alias("OutFile", "FilePath")]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>The folder to write to; the files are named after prompt and seed.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DirectorySet)]
    [ValidateNotNullOrEmpty]
    public string? OutDirectory { get; set; }

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Also writes the objects, with their paths, to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Writes an object to its file.</summary>
    /// <param name="item">The object.</param>
    /// <param name="what">What it is, in a word.</param>
    /// <param name="prompt">Its prompt; null if there is none.</param>
    /// <param name="seed">Its seed; null leaves it out of the name.</param>
    /// <param name="extension">The extension, without its dot, of a name without one.</param>
    /// <param name="check">Throws for a file that cannot be written.</param>
    /// <param name="write">Writes the object to a path; if told so, under the next numbered name where that is taken.</param>
    /// <param name="source">The file that the object was read from, whose name is kept; null if there is none.</param>
    private protected void Export(object item, string what, string? prompt, long? seed, string extension, Action<OutputTarget> check, Func<string, bool, string> write, string? source = null) => ProcessOne(item, () =>
    {
        OutputNames names = new(Path, OutDirectory is null ? null : ResolveOutput(OutDirectory), extension, source) { Unnamed = what };
        OutputTarget target = names.Next(prompt ?? string.Empty, seed, index: 0, count: 1, ResolveOutput)!;
        check(target);
        if (!ShouldProcess(target.Path, $"Write {what}"))
            return;

        target.CreateFolder();
        target.Write(write);
        if (PassThru)
            WriteObject(item);
    });
}
