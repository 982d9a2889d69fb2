using System.Collections;
using System.Management.Automation;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches.Bills;

namespace SdPowerShell.Batches;

/// <summary>
/// Has New-DiffusionImage look at rows without making an image: what their images would take, and which rows would fail. The rows can
/// come in several parts; files and models of earlier ones are remembered.
/// </summary>
/// <param name="cmdlet">The cmdlet that asks.</param>
internal sealed class RowTrial(PSCmdlet cmdlet) : IDisposable
{
    /// <summary>The command whose trial it is.</summary>
    public const string Command = "New-DiffusionImage";

    private const int MostWarnings = 1000;

    // What New-DiffusionImage would wait for, write, show, put in order or divide among processes.
    private static readonly string[] s_leftOut = ["Journal", "Claim", "ClaimTimeout", "Checkpoint", "LookAhead", "StageMajor", "Preview", "PreviewFile", "PreviewEvery", .. PSCmdlet.CommonParameters, .. PSCmdlet.OptionalCommonParameters];

    private readonly PlannedFiles _files = new();
    private readonly PlannedModels _models = new();
    private readonly HashSet<string> _warnings = [];

    /// <summary>Parameters of New-DiffusionImage that all rows share. Those that change no image and nothing that it takes are left out.</summary>
    public required IDictionary Parameters { get; init; }

    /// <summary>The folder of the images; null for none. Images that are there are looked for in it.</summary>
    public string? OutDirectory { get; init; }

    /// <summary>The template of the names of files; null for none.</summary>
    public string? FileName { get; init; }

    /// <summary>Receives each warning once; null if nobody wants them.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>The weights of models that were used beside those of the images, such as refiners: their full paths, and the bytes in memory.</summary>
    public IEnumerable<(string Path, long Bytes)> Weights => _models.Weights;

    /// <summary>Looks at rows.</summary>
    /// <param name="rows">The rows, in the order of their numbers.</param>
    /// <returns>What was found out about each of them, in their order.</returns>
    /// <exception cref="RuntimeException">The parameters are wrong for all rows.</exception>
    public IReadOnlyList<TrialResult> Look(IReadOnlyList<TrialRow> rows)
    {
        TrialRow[] readable = [.. rows.Where(static row => row.Error is null)];
        Queue<TrialResult> results = new(Run(readable));
        return [.. rows.Select(row => row.Error is null ? results.Dequeue() : new TrialResult([], Failing(row, DiffusionError.ToErrorRecord(row.Error, row.Value, cmdlet.MyInvocation.MyCommand), isNamed: true)))];
    }

    /// <summary>Whether an error of <see cref="Look"/> says that the parameters are wrong for all rows, rather than that the user stops the work.</summary>
    /// <param name="error">The error.</param>
    public static bool IsOfAllRows(RuntimeException error) => error is not (PipelineStoppedException or ActionPreferenceStopException);

    /// <inheritdoc/>
    public void Dispose() => _models.Dispose();

    private TrialResult[] Run(TrialRow[] rows)
    {
        if (rows.Length == 0)
            return [];
        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddCommand(new CmdletInfo(Command, typeof(PlanImagesCommand))).AddParameters(Given(rows));
        ArrayList? errors = cmdlet.SessionState.PSVariable.GetValue("Error") as ArrayList;
        object?[] before = errors?.ToArray() ?? [];
        TextAttribute.HasRowsOnly = true;
        try
        {
            return Read(rows, shell.Invoke(rows.Select(static row => row.Value)), shell.Streams.Error);
        }
        finally
        {
            TextAttribute.HasRowsOnly = false;

            // What rows lack is no error of the cmdlet.
            errors?.Clear();
            errors?.AddRange(before);
        }
    }

    private Dictionary<string, object?> Given(TrialRow[] rows)
    {
        Dictionary<string, object?> parameters = new(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry entry in Parameters)
            parameters[$"{entry.Key}"] = entry.Value;
        foreach (string name in s_leftOut)
            parameters.Remove(name);
        if (OutDirectory is not null)
            parameters[nameof(OutDirectory)] = OutDirectory;
        if (FileName is not null)
            parameters[nameof(FileName)] = FileName;
        if (parameters.ContainsKey(nameof(OutDirectory)))
            parameters.TryAdd("Resume", true);
        IReadOnlyList<(string Name, object? Value)> absent = TrialColumns.FindAbsent(rows, parameters.Keys, cmdlet.SessionState.PSVariable.GetValue("PSDefaultParameterValues") as IDictionary);
        foreach ((string name, object? value) in absent)
            parameters.Add(name, value);
        parameters[nameof(PlanImagesCommand.Absent)] = absent.Select(static parameter => parameter.Name).ToArray();

        // Errors go to the shell of the trial, whatever the user's preference is.
        parameters["ErrorAction"] = ActionPreference.Continue;
        parameters[nameof(PlanImagesCommand.Files)] = _files;
        parameters[nameof(PlanImagesCommand.Models)] = _models;
        parameters[nameof(PlanImagesCommand.Before)] = rows[0].Number - 1;
        return parameters;
    }

    private TrialResult[] Read(TrialRow[] rows, IEnumerable<PSObject?> outputs, IEnumerable<ErrorRecord> errors)
    {
        List<PlannedImage>?[] images = new List<PlannedImage>?[rows.Length];
        FailingRow?[] failing = new FailingRow?[rows.Length];
        HashSet<ErrorRecord> told = new(ReferenceEqualityComparer.Instance);
        foreach (PlannedOutput output in outputs.Select(Cell.Unwrap).OfType<PlannedOutput>())
        {
            int index = output.Row is int number ? number - rows[0].Number : 0;
            switch (output.Value)
            {
                case PlannedImage image:
                    (images[index] ??= []).Add(image);
                    break;
                case ErrorRecord error when told.Add(error):
                    failing[index] ??= Failing(rows[index], error, isNamed: true);
                    break;
                case WarningRecord { Message: string warning } when Warn is not null && _warnings.Count < MostWarnings && _warnings.Add(warning):
                    Warn(warning);
                    break;
            }
        }

        // Values that PowerShell itself cannot bind: the target is the row.
        foreach (ErrorRecord error in errors.Where(error => !told.Contains(error) && error.TargetObject is not null))
        {
            for (int index = 0; index < rows.Length; index++)
            {
                if (ReferenceEquals(rows[index].Value, error.TargetObject))
                    failing[index] ??= Failing(rows[index], error, isNamed: false);
            }
        }

        return [.. failing.Select((row, index) => new TrialResult(images[index] ?? [], row))];
    }

    /// <param name="row">The row.</param>
    /// <param name="error">Its error.</param>
    /// <param name="isNamed">Whether the message of the error names the row.</param>
    private static FailingRow Failing(TrialRow row, ErrorRecord error, bool isNamed)
    {
        InputRecord input = new(row.Value, row.Number);
        string place = isNamed ? string.Empty : $"{input.Describe(input.Text("Prompt"), input.Text("OutFile"))}: ";
        return new FailingRow(row.Number, row.Line, error.FullyQualifiedErrorId.Split(',')[0], PrintableText.Of(place + (error.ErrorDetails?.Message ?? error.Exception.Message)));
    }
}
