using System.Globalization;
using System.Management.Automation;
using StableDiffusion;
using StableDiffusion.Hub;
using StableDiffusion.Library;
using StableDiffusion.Running;
using StableDiffusion.Storage;

namespace SdPowerShell.Commands;

/// <summary>Fetches models from a hub into the user's models.</summary>
[Cmdlet(VerbsData.Save, "DiffusionModel", SupportsShouldProcess = true)]
[OutputType(typeof(ModelInfo), typeof(FileInfo))]
public sealed class SaveDiffusionModelCommand : ImportingCmdlet
{
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

    /// <summary>The one file to fetch.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? File { get; set; }

    /// <summary>The form of the weights.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Variant { get; set; }

    /// <summary>Which files to fetch, in place of the choice by layout.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Include { get; set; }

    /// <summary>Which files to leave out.</summary>
    [Parameter]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[]? Exclude { get; set; }

    /// <summary>How many files are fetched at once.</summary>
    [Parameter]
    public int ThrottleLimit { get; set; } = 4;

    /// <summary>Fetches again what is there, and replaces a model of the same name.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (string id in Id)
            ProcessOne(id, () => Save(id));
    }

    private void Save(string id)
    {
        if (Id.Length > 1 && !string.IsNullOrEmpty(Name))
            throw new InvalidSettingException(nameof(Name), $"'{Name}' cannot be the name of {Id.Length} models. Save them one by one, or leave the name out.");

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
            ThrottleLimit = ThrottleLimit,
        };
        try
        {
            HubDownload download = HubDownload.Plan(request, HubSettings.FromEnvironment(), Report, CancellationToken);
            if (download.IsSaved || ShouldProcess(Describe(download), $"Fetch the model {download.Id}?", MyInvocation.MyCommand.Name))
                WriteSaved(download, download.Save(Report, Report, CancellationToken));
        }
        finally
        {
            EndProgress($"Fetching {id}");
        }
    }

    private void WriteSaved(HubDownload download, SavedModel saved)
    {
        if (saved.WasThere)
            WriteVerbose($"{download.Id} at {download.Commit} lies in '{saved.Folder}' already.");
        if (saved.Import is not null)
            WriteFindings(saved.Import);
        if (saved.Remark is not null)
            WriteWarning(saved.Remark);
        if (saved.IsModel)
        {
            WriteObject(ModelLibrary.Default.Models.Find(saved.Name));
            return;
        }

        // What is no model by itself goes on as files.
        foreach (string file in saved.Files)
            WriteObject(new FileInfo(Path.Combine(saved.Folder, file)));
    }

    private void Report(DownloadProgress progress)
    {
        string status = progress.Length == 0 ? "asking the hub" : string.Create(
            CultureInfo.CurrentCulture, $"{ByteSize.Format(progress.Received)} of {ByteSize.Format(progress.Length)}, {ByteSize.Format(progress.BytesPerSecond)}/s");
        WriteProgress(new ProgressRecord(ActivityId, $"Fetching {progress.Repository}", status)
        {
            CurrentOperation = progress.Note ?? progress.File,
            PercentComplete = progress.Length == 0 ? 0 : (int)(100 * progress.Received / progress.Length),
            SecondsRemaining = progress.Remaining is TimeSpan remaining ? (int)Math.Ceiling(remaining.TotalSeconds) : -1,
        });
    }

    private static string Describe(HubDownload download)
    {
        if (download.IsContentHere)
            return $"Name the model '{download.Name}' that was made of {download.Files[0].Path} of {download.Id} at {download.Commit}; it is here already";

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
