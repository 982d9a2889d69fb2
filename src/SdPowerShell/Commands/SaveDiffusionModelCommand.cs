using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Parameters;
using SdPowerShell.Progress;
using StableDiffusion;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Downloads models from a hub into the model store.</summary>
[Cmdlet(VerbsData.Save, "DiffusionModel", SupportsShouldProcess = true)]
[OutputType(typeof(ModelInfo), typeof(FileInfo))]
public sealed class SaveDiffusionModelCommand : DiffusionCmdlet
{
    private readonly ImportDisplay _display;

    /// <summary>The repositories: owner/name, or owner/name@revision.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [Text]
    public string[] Id { get; set; } = [];

    /// <summary>The branch, tag or commit.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Revision { get; set; }

    /// <summary>The model's name in the store.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Name { get; set; }

    /// <summary>The only file to download.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? File { get; set; }

    /// <summary>The variant of the weights, such as fp16.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Variant { get; set; }

    /// <summary>The files to download, instead of those of the model layout.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Include { get; set; }

    /// <summary>The files to exclude.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Exclude { get; set; }

    /// <summary>The number of files to download at a time.</summary>
    [Parameter]
    [WholeNumber]
    public int ThrottleLimit { get; set; } = 4;

    /// <summary>Skips the test of the model with an image of one step.</summary>
    [Parameter]
    public SwitchParameter SkipTest { get; set; }

    /// <summary>Downloads existing files again, and replaces a model of the same name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Makes the cmdlet.</summary>
    public SaveDiffusionModelCommand() => _display = new(this);

    /// <inheritdoc/>
    /// <remarks>Each record is another model, so one that is missing says nothing of the next.</remarks>
    protected override bool EndsPipeline(Exception error) => false;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string id in Id)
            ProcessOne(id, () => Save(id));
    }

    private void Save(string id)
    {
        if (Id.Length > 1 && !string.IsNullOrEmpty(Name))
            throw new InvalidSettingException(nameof(Name), $"'{Name}' cannot be the name of {Id.Length} models. Save them one by one, or omit the name.");

        HubRequest request = new()
        {
            Id = id,
            Revision = NullIfEmpty(Revision),
            Name = NullIfEmpty(Name),
            File = NullIfEmpty(File),
            Variant = NullIfEmpty(Variant),
            Include = Matcher(Include),
            Exclude = Matcher(Exclude),
            Force = Force,
            SkipTest = SkipTest,
            ThrottleLimit = ThrottleLimit,
        };
        try
        {
            HubDownload download = HubDownload.Plan(request, HubSettings.FromEnvironment(), Report, CancellationToken);
            if (!download.IsSaved && !ShouldProcess(Describe(download), $"Fetch the model {download.Id}?", MyInvocation.MyCommand.Name))
                return;
            if (!download.IsSaved && download.UnverifiedFiles is { Count: > 0 } unverified)
                WriteWarning($"The hub lists no hash of {unverified.Count} of the {download.Files.Count} files of {download.Id}, so that only their lengths are checked: {string.Join(", ", unverified)}");
            WriteSaved(download, download.Save(Report, _display.Report, CancellationToken));
        }
        finally
        {
            _display.Complete($"Fetching {id}");
        }
    }

    private void WriteSaved(HubDownload download, SavedModel saved)
    {
        if (saved.WasThere)
            WriteVerbose($"{download.Id} at {download.Commit} is already in '{saved.Folder}'.");
        if (saved.Import is not null)
            _display.WriteFindings(saved.Import);
        if (saved.Remark is not null)
            WriteWarning(saved.Remark);
        if (saved.IsModel)
        {
            WriteObject(ModelLibrary.Default.Models.Find(saved.Name));
            return;
        }

        // What is not a model by itself is written as files.
        foreach (string file in saved.Files)
            WriteObject(new FileInfo(Path.Combine(saved.Folder, file)));
    }

    private void Report(DownloadProgress progress)
    {
        string status = progress.Length == 0 ? "asking the hub" : string.Create(
            CultureInfo.CurrentCulture, $"{ByteSize.Format(progress.Received)} of {ByteSize.Format(progress.Length)}, {ByteSize.Format(progress.BytesPerSecond)}/s");
        WriteProgress(new ProgressRecord(ImportDisplay.ActivityId, $"Fetching {progress.Repository}", status)
        {
            CurrentOperation = progress.Note ?? progress.File,
            PercentComplete = progress.Length == 0 ? 0 : (int)(100 * progress.Received / progress.Length),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });
    }

    private static string Describe(HubDownload download)
    {
        if (download.IsContentHere)
            return $"Name the model '{download.Name}' that was imported from {download.Files[0].Path} of {download.Id} at {download.Commit}; it is already downloaded";

        IEnumerable<string> files = download.Files.Select(static file => $"  {file.Path} ({ByteSize.Format(file.Length)})");
        string target = download.IsCheckpoint ? $", and import it as '{download.Name}'" : $", to '{download.Folder}'";
        return string.Create(
            CultureInfo.CurrentCulture,
            $"Fetch {download.Id} at {download.Commit}, {download.Files.Count} {(download.Files.Count == 1 ? "file" : "files")}, {ByteSize.Format(download.Length)}{target}:{Environment.NewLine}{string.Join(Environment.NewLine, files)}");
    }

    private static Func<string, bool>? Matcher(string[]? patterns)
    {
        if (patterns is null)
            return null;

        WildcardPattern[] compiled = [.. patterns.Select(static pattern => WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase))];
        return path => compiled.Any(pattern => pattern.IsMatch(path));
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
