using System.Collections;
using System.Management.Automation;
using SdPowerShell.Batches;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Bills;
using StableDiffusion.Batches.Tables;
using StableDiffusion.Library;

namespace SdPowerShell.Commands;

/// <summary>Counts what the images of a table would take, and finds the rows that would fail, without making an image.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "DiffusionJob", DefaultParameterSetName = PathSet)]
[OutputType(typeof(BatchBill))]
public sealed class MeasureDiffusionJobCommand : DiffusionCmdlet
{
    private const string PathSet = "Path";
    private const string RowSet = "Row";

    // What New-DiffusionImage would wait for, write, show, put in order or divide among processes.
    private static readonly string[] s_leftOut = ["Journal", "Claim", "ClaimTimeout", "Checkpoint", "LookAhead", "StageMajor", "Preview", "PreviewFile", "PreviewEvery", .. CommonParameters, .. OptionalCommonParameters];

    // So many rows are looked at by one run of New-DiffusionImage.
    private const int MostRows = 500;
    private const int MostWarnings = 1000;

    // What pwsh takes alone, with this module. Measured on Linux, x64.
    private const long ShellMemory = 120L << 20;

    private readonly MakingTimes _times = new(ModelLibrary.Default);
    private readonly PlannedFiles _files = new();
    private readonly PlannedModels _models = new();
    private readonly List<(int Number, int? Line, PSObject? Row)> _rows = [];
    private readonly HashSet<string> _warnings = [];
    private BillTally? _tally;
    private bool _hasTable;

    /// <summary>The tables.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>The rows, as New-DiffusionImage takes them.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = RowSet)]
    [AllowNull]
    public PSObject? InputObject { get; set; }

    /// <summary>The folder that the images would be written to, and where those of earlier runs are.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? OutDirectory { get; set; }

    /// <summary>A template for the names of files, for rows without OutFile.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FileName { get; set; }

    /// <summary>Further parameters of New-DiffusionImage, for all rows.</summary>
    [Parameter]
    [ValidateNotNull]
    public IDictionary Parameter { get; set; } = new Hashtable();

    /// <summary>The journals that tell how long images took on this machine.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string[] Journal { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        foreach (string file in PathHelper.ResolveInput(this, Journal, literal: false))
            ProcessOne(file, () => ReadJournal(file));
        _tally = new BillTally(_times, ShellMemory);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == RowSet)
        {
            Plan(InputObject, InputObject is null ? null : TableRecord.Find(InputObject)?.Line);
            return;
        }

        foreach (string file in PathHelper.ResolveInput(this, Path, literal: false))
            _hasTable |= ProcessOne(file, () => ReadTable(file));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        PlanWaiting();
        foreach ((string path, long bytes) in _models.Weights)
            _tally!.AddWeights(path, bytes);

        // Of a table that cannot be read there is nothing to say but the error.
        if (_hasTable || _tally!.Rows > 0 || ParameterSetName == RowSet)
            ProcessOne(null, () => WriteObject(_tally!.Finish()));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _models.Dispose();
        base.Dispose(disposing);
    }

    private Dictionary<string, object?> Parameters()
    {
        Dictionary<string, object?> parameters = new(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry entry in Parameter)
            parameters[$"{entry.Key}"] = entry.Value;
        foreach (string name in s_leftOut)
            parameters.Remove(name);
        if (OutDirectory is not null)
            parameters[nameof(OutDirectory)] = OutDirectory;
        if (FileName is not null)
            parameters[nameof(FileName)] = FileName;
        if (parameters.ContainsKey(nameof(OutDirectory)))
            parameters.TryAdd("Resume", true);

        // Errors go to the shell of the trial, whatever the user's preference is.
        parameters["ErrorAction"] = ActionPreference.Continue;
        parameters[nameof(PlanImagesCommand.Files)] = _files;
        parameters[nameof(PlanImagesCommand.Models)] = _models;
        return parameters;
    }

    private void ReadJournal(string file)
    {
        foreach (JournalEntry entry in StableDiffusion.Batches.Journal.Read(file, warning => WarnOf(file, warning), CancellationToken))
            _times.Add(entry);
    }

    private void ReadTable(string file)
    {
        foreach (TableRow row in TableFile.Read(file, delimiter: null, CancellationToken))
        {
            try
            {
                Plan(row.Error is null ? TableRecord.From(row) : throw row.Error, row.Line);
            }
            catch (RowInvalidException error)
            {
                PlanWaiting();
                _tally!.AddRow();
                AddFailing(_tally.Rows, row.Line, DiffusionError.ToErrorRecord(error, file, MyInvocation.MyCommand));
            }
        }
    }

    private void Plan(PSObject? row, int? line)
    {
        _tally!.AddRow();
        _rows.Add((_tally.Rows, line, row));
        if (_rows.Count == MostRows)
            PlanWaiting();
    }

    /// <summary>Has New-DiffusionImage look at the rows that wait.</summary>
    private void PlanWaiting()
    {
        if (_rows.Count == 0)
            return;
        CancellationToken.ThrowIfCancellationRequested();
        using PowerShell shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        shell.AddCommand(new CmdletInfo("New-DiffusionImage", typeof(PlanImagesCommand))).AddParameters(Parameters());
        ArrayList? errors = SessionState.PSVariable.GetValue("Error") as ArrayList;
        object?[] before = errors?.ToArray() ?? [];
        try
        {
            Take([.. shell.Invoke(_rows.Select(static row => row.Row)).Select(Cell.Unwrap)], shell.Streams.Error);
        }
        catch (RuntimeException error) when (error is IContainsErrorRecord and not (PipelineStoppedException or ActionPreferenceStopException))
        {
            // The parameters are wrong for all rows.
            ThrowTerminatingError(new ErrorRecord(error.ErrorRecord, error));
        }
        finally
        {
            // What rows lack is no error of this command.
            errors?.Clear();
            errors?.AddRange(before);
            _rows.Clear();
        }
    }

    private void Take(object?[] outputs, IEnumerable<ErrorRecord> errors)
    {
        HashSet<ErrorRecord> told = new(ReferenceEqualityComparer.Instance);
        List<(int Index, ErrorRecord Error)> failures = [];
        foreach (object? output in outputs)
        {
            if (output is PlannedImage image)
                _tally!.Add(image);
            else if (output is PlannedFailure failure && told.Add(failure.Error))
                failures.Add(((failure.Number ?? 1) - 1, failure.Error));
            else if (output is WarningRecord { Message: string warning } && _warnings.Count < MostWarnings && _warnings.Add(warning))
                WriteWarning(warning);
        }

        // Values that PowerShell itself cannot bind: the target is the row.
        failures.AddRange(errors.Where(error => !told.Contains(error) && error.TargetObject is not null).Select(error => (_rows.FindIndex(row => ReferenceEquals(row.Row, error.TargetObject)), error)).Where(static failure => failure.Item1 >= 0));
        foreach ((int index, ErrorRecord error) in failures.OrderBy(static failure => failure.Index))
            AddFailing(_rows[index].Number, _rows[index].Line, error, told.Contains(error) ? null : new InputRecord(_rows[index].Row, _rows[index].Number));
    }

    // A row is given if the message does not name it.
    private void AddFailing(int number, int? line, ErrorRecord error, InputRecord? unnamed = null)
    {
        string place = unnamed is null ? string.Empty : $"{unnamed.Describe(unnamed.Text("Prompt"), unnamed.Text("OutFile"))}: ";
        _tally!.Add(new FailingRow(number, line, error.FullyQualifiedErrorId.Split(',')[0], PrintableText.Of(place + (error.ErrorDetails?.Message ?? error.Exception.Message))));
    }
}
