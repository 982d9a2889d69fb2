using System.Collections;
using System.Management.Automation;
using System.Text;
using SdPowerShell.Batches;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using SdPowerShell.Scripts.Jobs;
using StableDiffusion;
using StableDiffusion.Batches;
using StableDiffusion.Batches.Bills;
using StableDiffusion.Batches.Jobs;
using StableDiffusion.Batches.Tables;
using Stopwatch = System.Diagnostics.Stopwatch;

namespace SdPowerShell.Commands;

/// <summary>Has the images of a table made by several workers: the tasks of an array job of Slurm, or processes of this computer.</summary>
[Cmdlet(VerbsLifecycle.Submit, "DiffusionJob", DefaultParameterSetName = FileCmdlet.PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(DiffusionJob))]
public sealed class SubmitDiffusionJobCommand : DiffusionCmdlet
{
    private const string InputObjectSet = "InputObject";
    private const string Table = "table";
    private const string PipedTable = Table + ".jsonl";
    private const string Unnamed = "job";
    private const int DeepestValue = 8;
    private const int DefaultArraySize = 32;
    private const int LargestArray = 100_000;
    private const int MostCpus = 100_000;
    private const int DefaultWorkers = 2;
    private const int MostWorkers = 256;

    // So many rows are looked at before a job is submitted, in parts, unless that takes too long.
    private const int MostChecked = 1000;
    private const int CheckedAtOnce = 100;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    // What the command gives to New-DiffusionImage by itself.
    private static readonly HashSet<string> s_own = new(StringComparer.OrdinalIgnoreCase)
    {
        "Prompt", "Record", "OutDirectory", "OutFile", "FileName", "Claim", "ClaimTimeout", "Shard", "Checkpoint", "Resume", "Journal", "WhatIf", "Confirm", "PipelineVariable", "OutVariable", "OutBuffer", "ErrorAction", "ErrorVariable",
    };

    private readonly MemoryStream _lines = new();
    private AskedImages _asked = new(new Hashtable());
    private string? _table;
    private int _rows;
    private int _unreadable;
    private int _read;
    private long _images;

    /// <summary>The table: a .csv, .tsv, .jsonl, .json or .txt file.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = FileCmdlet.PathSet)]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>Prompts or rows, instead of a table in a file.</summary>
    [Parameter(Mandatory = true, ParameterSetName = InputObjectSet, ValueFromPipeline = true)]
    [AllowNull]
    [AllowEmptyString]
    public PSObject? InputObject { get; set; }

    /// <summary>The folder to write the images to. The folder of the job is in it.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string OutDirectory { get; set; } = string.Empty;

    /// <summary>The name of the job.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>Replaces a job of the same name that has ended.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>A template for the names of files, for rows without OutFile.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FileName { get; set; }

    /// <summary>Settings of New-DiffusionImage for all rows.</summary>
    [Parameter]
    [ValidateNotNull]
    public IDictionary Parameter { get; set; } = new Hashtable();

    /// <summary>The number of tasks of the array job in Slurm, 1 to 100,000.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? ArraySize { get; set; } = new(DefaultArraySize);

    /// <summary>The partition of the cluster.</summary>
    [Parameter]
    public string? Partition { get; set; }

    /// <summary>The limit of time of a task.</summary>
    [Parameter]
    public string? Time { get; set; }

    /// <summary>The memory of a task, such as 16G.</summary>
    [Parameter]
    public string? Memory { get; set; }

    /// <summary>The graphics cards of a task: a number, or a kind and a number.</summary>
    [Parameter]
    public string? Gpus { get; set; }

    /// <summary>The processor cores of a task.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? CpusPerTask { get; set; }

    /// <summary>The account that the time is charged to.</summary>
    [Parameter]
    public string? Account { get; set; }

    /// <summary>The quality of service.</summary>
    [Parameter]
    public string? Qos { get; set; }

    /// <summary>Other arguments of sbatch.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] SbatchArgument { get; set; } = [];

    /// <summary>Runs the workers as processes of this computer, instead of asking Slurm.</summary>
    [Parameter]
    public SwitchParameter Local { get; set; }

    /// <summary>The number of local workers, 1 to 256.</summary>
    [Parameter]
    [Number<int>]
    public Number<int>? Workers { get; set; } = new(DefaultWorkers);

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (!ProcessOne(null, CheckSettings))
            _rows = -1;
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (_rows < 0)
            return;
        if (ParameterSetName != InputObjectSet)
        {
            ProcessOne(Path, () => ReadTable(ResolveFile(Path!)));
            return;
        }

        Input = new InputRecord(InputObject, ++_read);
        string? text = InputObject?.BaseObject as string;
        if (text is not null && TableFile.IsBlankOrComment(text))
            return;
        Subject = Input.Describe(text ?? Input.Text("Prompt"), Input.Text("OutFile"));
        ProcessOne(InputObject, () =>
        {
            JobRow.Write(Input, _lines);
            Add(_asked.Of(Input));
        });
        (Input, Subject) = (null, null);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_rows >= 0)
            ProcessOne(_table ?? Path, Submit);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _lines.Dispose();
        base.Dispose(disposing);
    }

    private SlurmOptions Options => new()
    {
        Partition = Partition, Time = Time, Memory = Memory, Gpus = Gpus, CpusPerTask = Number.Read(CpusPerTask, 1, MostCpus), Account = Account, Qos = Qos, Others = SbatchArgument,
    };

    private int Size => Local ? Number.Read(Workers, 1, MostWorkers) ?? DefaultWorkers : Number.Read(ArraySize, 1, LargestArray) ?? DefaultArraySize;

    private void CheckSettings()
    {
        string[] idle = Local
            ? [.. ((string[])[nameof(ArraySize), nameof(Partition), nameof(Time), nameof(Memory), nameof(Gpus), nameof(CpusPerTask), nameof(Account), nameof(Qos), nameof(SbatchArgument)]).Where(MyInvocation.BoundParameters.ContainsKey)]
            : [.. ((string[])[nameof(Workers)]).Where(MyInvocation.BoundParameters.ContainsKey)];
        if (idle.Length > 0)
            throw new InvalidSettingException(idle[0], Local ? $"{idle[0]} is for Slurm, and has no effect with Local. Omit one of them." : $"{idle[0]} is the number of local workers. Give Local too, or ArraySize for Slurm.");
        if (Name is not null)
            JobFolder.CheckName(Name);
        if (FileName is not null)
            _ = new NameTemplate(FileName);
        _ = Options.Lines(Name ?? Unnamed, Size).Count();
        CheckParameters();
    }

    private void CheckParameters()
    {
        IReadOnlyDictionary<string, ParameterMetadata> known = InvokeCommand.GetCommand($"{MyInvocation.MyCommand.ModuleName}\\{RowTrial.Command}", CommandTypes.Cmdlet)?.Parameters ?? [];
        Hashtable plain = new(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry entry in Parameter)
        {
            string name = $"{entry.Key}";
            ParameterMetadata? found = known.Values.FirstOrDefault(parameter => parameter.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || parameter.Aliases.Contains(name, StringComparer.OrdinalIgnoreCase));
            if (found is null)
                throw new InvalidSettingException(nameof(Parameter), $"{RowTrial.Command} has no parameter '{name}'.{(Spelling.Nearest(name, known.Keys) is string near ? $" Did you mean '{near}'?" : string.Empty)}");
            if (s_own.Contains(found.Name))
                throw new InvalidSettingException(nameof(Parameter), $"{found.Name} cannot be among the settings for all rows: each row has its own, or it is a parameter of {MyInvocation.MyCommand.Name}.");
            plain[found.Name] = Plain(found.Name, entry.Value);
        }

        Parameter = plain;
        _asked = new AskedImages(plain);
    }

    /// <summary>A value that a script can say.</summary>
    private static object? Plain(string name, object? value, int depth = 0) => Cell.Unwrap(value) switch
    {
        null => null,
        IEnumerable and not string when depth > DeepestValue => throw new InvalidSettingException(nameof(Parameter), $"The value of {name} has too many levels. Give a text, a number, true or false, or a list of these."),
        string or bool or byte or short or int or long or float or double or decimal => Cell.Unwrap(value),
        SwitchParameter flag => flag.IsPresent,
        Enum word => word.ToString(),
        FileSystemInfo file => file.FullName,
        IDictionary options => new Hashtable(options.Cast<DictionaryEntry>().ToDictionary(static option => $"{option.Key}", option => Plain(name, option.Value, depth + 1))),
        IList list => list.Cast<object?>().Select(item => Plain(name, item, depth + 1)).ToArray(),
        var other => throw new InvalidSettingException(nameof(Parameter), $"The value of {name} is an object of type {other.GetType().Name}, which workers cannot be given. Give a text, a number, true or false, or a list of these; of an image, give the path of its file."),
    };

    private void ReadTable(string path)
    {
        foreach (TableRow row in TableFile.Read(path, delimiter: null, CancellationToken))
        {
            // Its image is one of those that fail: the workers write so in their journals.
            if (row.Error is RowInvalidException error)
            {
                WriteFailure(DiffusionError.ToErrorRecord(error, path, MyInvocation.MyCommand));
                _unreadable++;
            }

            Add(_asked.Of(row));
        }

        _table = path;
    }

    private void Add(int images)
    {
        _rows++;
        _images += images;
    }

    private void Submit()
    {
        if (_table is null && ParameterSetName != InputObjectSet)
            return;
        string source = _table is null ? "the pipeline" : $"'{_table}'";
        if (_rows == _unreadable)
            throw new TableInvalidException($"There is no row in {source} that can be read. Nothing was submitted.");
        if (_images > int.MaxValue)
            throw new TableInvalidException($"The rows in {source} ask for {_images} images, and a job can have {int.MaxValue}. Split the table.");

        string directory = ResolveOutput(OutDirectory);
        JobFolder folder = Name is null ? JobFolder.New(directory, NameOf(_table)) : JobFolder.Of(directory, Name);
        int size = (int)Math.Min(Size, _images - (_unreadable * (long)(_asked.OfEach ?? 1)));
        JobRecord record = new()
        {
            Backend = Local ? JobBackend.Local : JobBackend.Slurm,
            SlurmId = Local ? null : JobRecord.NoSlurmId,
            Submitted = DateTimeOffset.Now,
            Table = _table is null ? PipedTable : Table + System.IO.Path.GetExtension(_table).ToLowerInvariant(),
            Rows = _rows,
            Images = (int)_images,
            Count = _asked.OfEach,
            ArraySize = size,
        };
        JobScripts scripts = new()
        {
            Folder = folder,
            Module = System.IO.Path.Combine(MyInvocation.MyCommand.Module.ModuleBase, MyInvocation.MyCommand.ModuleName + ".psd1"),
            Version = MyInvocation.MyCommand.Module.Version,
            Location = ResolveOutput("."),
            Table = record.Table,
            FileName = FileName,
            Parameters = Parameter,
        };
        IReadOnlyList<string> shell = ShellCommand.Find();
        (string file, string script) = Local ? (JobScripts.SuperviseFile, scripts.Supervise(shell, size)) : (JobScripts.BatchFile, scripts.Batch(Options, shell, size));
        bool replaces = Force && System.IO.Path.Exists(folder.Path);
        if (replaces)
            CheckEnded(folder);
        else
            folder.CheckNew();
        WriteVerbose($"{file}:");
        foreach (string line in script.TrimEnd().Split('\n'))
            WriteVerbose(line);
        WarnOfFailing(directory);
        if (!ShouldProcess(folder.Path, $"Submit {_rows} row{(_rows == 1 ? string.Empty : "s")} with {_images} image{(_images == 1 ? string.Empty : "s")} to {(Local ? $"{size} local worker{(size == 1 ? string.Empty : "s")}" : $"{size} task{(size == 1 ? string.Empty : "s")} of Slurm")}"))
            return;

        using IDisposable? earlier = replaces ? folder.SetAside() : null;
        folder.Create([(file, stream => WriteText(stream, script)), (JobScripts.WorkFile, stream => WriteText(stream, scripts.Work())), (record.Table, CopyTable)]);
        try
        {
            if (!Local)
                record = record with { SlurmId = Slurm.Submit(folder.Path, file, CancellationToken) };
            folder.Write(record);
            if (Local)
                LocalWorkers.Start(folder, [.. shell, "-NoProfile", "-NonInteractive", "-File", file]);
        }
        catch
        {
            Slurm.TryCancel(record.SlurmId);
            folder.Delete();
            throw;
        }

        WriteObject(JobMonitor.Look([(folder, record)], CancellationToken).Single());
    }

    /// <summary>Warns of rows that would fail. Of a long table, rows from all over it are looked at.</summary>
    /// <param name="directory">The folder of the images.</param>
    private void WarnOfFailing(string directory)
    {
        using RowTrial trial = new(this) { Parameters = Parameter, OutDirectory = directory, FileName = FileName };
        int stride = ((_rows - 1) / MostChecked) + 1, number = 0, looked = 0, failing = 0;
        FailingRow? first = null;
        long begun = Stopwatch.GetTimestamp();
        try
        {
            foreach (TableRow[] part in SubmittedRows().Where(row => number++ % stride == 0 && row.Error is null).Chunk(CheckedAtOnce))
            {
                FailingRow[] found = [.. trial.Look([.. part.Select((row, index) => TrialRow.Of(row, looked + index + 1, _asked))]).Select(static result => result.Failing).OfType<FailingRow>().Where(IsKnown)];
                looked += part.Length;
                failing += found.Length;
                first ??= found.FirstOrDefault();
                if (Stopwatch.GetElapsedTime(begun) > s_patience)
                    break;
            }
        }
        catch (RuntimeException error) when (RowTrial.IsOfAllRows(error))
        {
            WriteWarning($"All rows will fail. {Sentence.Of(error)}");
            return;
        }

        if (first is null)
            return;
        string rows = looked == _rows - _unreadable ? $"{failing} of {_rows} row{(_rows == 1 ? string.Empty : "s")}" : $"{failing} of {looked} rows that were checked, of {_rows},";
        WriteWarning($"{rows} will fail. The first is {Sentence.Of(first.Message)} Measure-DiffusionJob lists them.");

        // The nodes of a cluster may have the devices that this computer lacks.
        bool IsKnown(FailingRow row) => Local || row.ErrorId != DiffusionError.NoDevice;
    }

    /// <summary>The rows as the workers will read them.</summary>
    private IEnumerable<TableRow> SubmittedRows() => _table is null
        ? TableFile.Read(new MemoryStream(_lines.GetBuffer(), 0, (int)_lines.Length, writable: false), PipedTable, delimiter: null, CancellationToken)
        : TableFile.Read(_table, delimiter: null, CancellationToken);

    private void CheckEnded(JobFolder folder)
    {
        try
        {
            DiffusionJob job = JobMonitor.Look([(folder, folder.ReadRecord())], CancellationToken).Single();
            if (!job.HasEnded)
                throw new InvalidSettingException(nameof(Name), $"The job '{job.Name}' has not ended: it is {job.State}. Stop it with Stop-DiffusionJob first, or choose another name.");
        }
        catch (JobInvalidException error)
        {
            // Nobody can say whether its workers are at work.
            WriteWarning($"The job '{folder.Name}' is replaced, and its workers may still be at work. {Sentence.Of(error)}");
        }
    }

    private static string NameOf(string? table)
    {
        string name = (table is null ? Unnamed : System.IO.Path.GetFileNameWithoutExtension(table)).Trim(' ', '.');
        try
        {
            JobFolder.CheckName(name);
            return name;
        }
        catch (InvalidSettingException)
        {
            return Unnamed;
        }
    }

    private void CopyTable(Stream stream)
    {
        if (_table is null)
        {
            _lines.WriteTo(stream);
            return;
        }

        using FileStream source = StableDiffusion.Storage.RegularFile.OpenShared(_table);
        source.CopyTo(stream);
    }

    private static void WriteText(Stream stream, string text) => stream.Write(new UTF8Encoding(encoderShouldEmitUTF8Identifier: false).GetBytes(text));
}
