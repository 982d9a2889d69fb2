using System.Collections;
using System.Management.Automation;
using SdPowerShell.Batches;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
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

    // So many rows are looked at by one run of New-DiffusionImage.
    private const int MostRows = 2000;

    // What pwsh takes alone, with this module. Measured on Linux, x64.
    private const long ShellMemory = 120L << 20;

    private readonly MakingTimes _times = new(ModelLibrary.Default);
    private readonly List<TrialRow> _rows = [];
    private RowTrial? _trial;
    private AskedImages? _asked;
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
        _trial = new RowTrial(this) { Parameters = Parameter, OutDirectory = OutDirectory, FileName = FileName, Warn = WriteWarning };
        _asked = new AskedImages(Parameter);
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == RowSet)
        {
            Plan(number => new TrialRow(InputObject, number, InputObject is null ? null : TableRecord.Find(InputObject)?.Line, _asked!.Of(new InputRecord(InputObject, number))));
            return;
        }

        foreach (string file in PathHelper.ResolveInput(this, Path, literal: false))
            _hasTable |= ProcessOne(file, () => ReadTable(file));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        PlanWaiting();
        foreach ((string path, long bytes) in _trial!.Weights)
            _tally!.AddWeights(path, bytes);

        // Of a table that cannot be read there is nothing to say but the error.
        if (_hasTable || _tally!.Rows > 0 || ParameterSetName == RowSet)
            ProcessOne(null, () => WriteObject(_tally!.Finish()));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _trial?.Dispose();
        base.Dispose(disposing);
    }

    private void ReadJournal(string file)
    {
        foreach (JournalEntry entry in StableDiffusion.Batches.Journal.Read(file, warning => WarnOf(file, warning), CancellationToken))
            _times.Add(entry);
    }

    private void ReadTable(string file)
    {
        foreach (TableRow row in TableFile.Read(file, delimiter: null, CancellationToken))
            Plan(number => TrialRow.Of(row, number, _asked!));
    }

    private void Plan(Func<int, TrialRow> row)
    {
        _tally!.AddRow();
        _rows.Add(row(_tally.Rows));
        if (_rows.Count == MostRows)
            PlanWaiting();
    }

    /// <summary>Looks at the rows that wait.</summary>
    private void PlanWaiting()
    {
        CancellationToken.ThrowIfCancellationRequested();
        try
        {
            foreach ((TrialRow row, TrialResult result) in _rows.Zip(_trial!.Look(_rows)))
            {
                foreach (PlannedImage image in result.Images)
                    _tally!.Add(image);
                if (result.Failing is FailingRow failing)
                    _tally!.Add(failing, Math.Max(row.Asked - result.Images.Count, 0));
            }
        }
        catch (RuntimeException error) when (RowTrial.IsOfAllRows(error))
        {
            ThrowTerminatingError(new ErrorRecord(error.ErrorRecord, error));
        }
        finally
        {
            _rows.Clear();
        }
    }
}
