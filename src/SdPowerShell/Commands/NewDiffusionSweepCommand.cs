using System.Collections;
using System.Management.Automation;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using SdPowerShell.Records;
using StableDiffusion;
using StableDiffusion.Noise;
using StableDiffusion.Prompts.Templates;
using StableDiffusion.Settings.Sweeps;

namespace SdPowerShell.Commands;

/// <summary>Makes a row for New-DiffusionImage of each combination of the values of some settings.</summary>
[Cmdlet(VerbsCommon.New, "DiffusionSweep")]
[OutputType(typeof(PSObject))]
public sealed class NewDiffusionSweepCommand : DiffusionCmdlet
{
    private const string ReplaceAxis = "PromptReplace";
    private const string ReplaceColumn = "_" + ReplaceAxis;
    private const string AxesColumn = "_Axes";

    // A1111's name of it, and its usual short form.
    private static readonly string[] s_replaceNames = [ReplaceAxis, "PromptSR", "Prompt S/R"];

    private readonly Dictionary<string, object?> _constants = new(StringComparer.OrdinalIgnoreCase);
    private Sweep? _sweep;
    private string? _search;
    private long _seed;
    private int _count;

    /// <summary>The prompts, or rows with the columns of New-DiffusionImage.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true)]
    [Alias("InputObject")]
    [AllowNull]
    [AllowEmptyString]
    public PSObject?[]? Prompt { get; set; }

    /// <summary>The settings with their values, as one hashtable or several.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(SweepAxisCompleter))]
    [ValidateNotNullOrEmpty]
    public IDictionary[] Axis { get; set; } = [];

    /// <summary>A description of what the images should not show.</summary>
    [Parameter]
    public string? NegativePrompt { get; set; }

    /// <summary>The seed of all rows that have none.</summary>
    [Parameter]
    [Number<long>]
    public Number<long>? Seed { get; set; }

    /// <summary>Columns that are the same in all rows.</summary>
    [Parameter]
    public IDictionary? Property { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        Require(target: null, () =>
        {
            ReadConstants();
            _sweep = new Sweep(ReadAxes());
        });
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (PSObject? input in Prompt ?? [null])
        {
            Input = MyInvocation.ExpectingInput || Prompt is not null ? new InputRecord(input, ++_count) : null;
            if (Input is { IsText: true } && PromptReader.IsBlankOrComment((string)input!.BaseObject))
                continue;
            Subject = Input?.Describe(Input.IsText ? (string)input!.BaseObject : Input.Text(nameof(Prompt)), file: null);
            ProcessOne(input, () => Multiply(Input));
        }
    }

    private void ReadConstants()
    {
        foreach (DictionaryEntry entry in Property ?? new Hashtable())
        {
            string name = $"{entry.Key}";
            Add(RowColumns.IsOwn(name) ? name : ImageColumn.Find(nameof(Property), name).Name, entry.Value);
        }

        if (!string.IsNullOrWhiteSpace(NegativePrompt))
            Add(nameof(NegativePrompt), NegativePrompt);
        if (Seed is not null)
            Add(nameof(Seed), Number.Read(Seed));
        _seed = RandomSeed.New();

        void Add(string column, object? value)
        {
            if (!_constants.TryAdd(column, ImageColumn.TryFind(column)?.Read(value) ?? value))
                throw new InvalidSettingException(nameof(Property), $"{column} is given twice. Give it once.");
        }
    }

    private IEnumerable<SweepAxis> ReadAxes()
    {
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry entry in Axis.SelectMany(static one => one.Cast<DictionaryEntry>()))
        {
            string name = $"{entry.Key}";
            SweepAxis axis = s_replaceNames.Contains(name, StringComparer.OrdinalIgnoreCase)
                ? ReadReplacement(entry.Value)
                : ImageColumn.Find(nameof(Axis), name, s_replaceNames) is var column ? new SweepAxis(column.Name, column.ReadAll(entry.Value)) : null!;
            if (!names.Add(axis.Name))
                throw new InvalidSettingException(nameof(Axis), $"{axis.Name} is among the axes twice. Give all of its values at once.");
            if (_constants.ContainsKey(axis.Name))
                throw new InvalidSettingException(nameof(Axis), $"{axis.Name} is an axis, and is given as the same for all rows too. Give one of the two.");
            yield return axis;
        }
    }

    private SweepAxis ReadReplacement(object? given)
    {
        object?[] texts = [.. (LanguagePrimitives.GetEnumerable(given)?.Cast<object?>() ?? [given]).Select(static text => (object?)$"{text}").Distinct()];
        _search = (string)texts[0]!;
        return string.IsNullOrWhiteSpace(_search)
            ? throw new InvalidSettingException(ReplaceAxis, $"The first value of {ReplaceAxis} is empty. Give the text of the prompt that the others replace.")
            : new SweepAxis(ReplaceAxis, texts);
    }

    private void Multiply(InputRecord? input)
    {
        OrderedDictionary<string, object?> start = Start(input);
        string axes = string.Join("; ", _sweep!.Axes.Select(static axis => axis.Name));
        foreach (object?[] cell in _sweep.Cells())
        {
            CancellationToken.ThrowIfCancellationRequested();
            OrderedDictionary<string, object?> row = new(start, StringComparer.OrdinalIgnoreCase);
            for (int index = 0; index < cell.Length; index++)
                row[_sweep.Axes[index].Name == ReplaceAxis ? ReplaceColumn : _sweep.Axes[index].Name] = cell[index];
            if (_search is not null)
                ReplaceIn(row, (string)row[ReplaceColumn]!);
            row[AxesColumn] = axes;
            PSObject made = new();
            foreach ((string column, object? value) in row)
                made.Properties.Add(new PSNoteProperty(column, value));
            WriteObject(made);
        }
    }

    /// <summary>The columns of all rows of an input, without its own values of the axes.</summary>
    private OrderedDictionary<string, object?> Start(InputRecord? input)
    {
        OrderedDictionary<string, object?> start = new(StringComparer.OrdinalIgnoreCase);
        if (input is { IsText: true })
            start[nameof(Prompt)] = input.Value!.BaseObject;
        else if (input is { HasSettings: true })
            ReadColumns(input, start);
        if (input is { IsRow: false } && start.Count == 0)
            throw new InvalidSettingException(nameof(Prompt), input.IsDictionary ? InputRecord.DictionaryAdvice : "There is no prompt. Give a string, or a row with the columns of New-DiffusionImage.");

        foreach ((string column, object? value) in _constants)
            start[column] = value;
        foreach (SweepAxis axis in _sweep!.Axes)
            start.Remove(axis.Name);
        if (!_sweep.Axes.Any(static axis => axis.Name == nameof(Seed)) && $"{start.GetValueOrDefault(nameof(Seed))}".Trim() is "" or "-1")
            start[nameof(Seed)] = _seed;
        return start;
    }

    /// <remarks>Of an object that is no row, only what New-DiffusionImage takes is a column, and only if it has a value.</remarks>
    private static void ReadColumns(InputRecord input, OrderedDictionary<string, object?> columns)
    {
        if (input.Value!.BaseObject is ExpandedPrompt expanded)
        {
            columns[nameof(Prompt)] = expanded.Prompt;
            foreach (PSNoteProperty property in ExpandPromptCommand.Drawn(expanded))
                columns[property.Name] = property.Value;
            return;
        }

        bool isRow = input.IsRow && !input.IsMade;
        foreach (PSPropertyInfo property in input.Value.Properties)
        {
            string? column = ImageColumn.TryFind(property.Name)?.Name;
            bool isNew = column is null ? isRow : Cell.IsEmpty(Cell.Unwrap(columns.GetValueOrDefault(column)));
            if (isNew && (isRow || !Cell.IsEmpty(Cell.Unwrap(property.Value))))
                columns[column ?? property.Name] = property.Value;
        }
    }

    private void ReplaceIn(OrderedDictionary<string, object?> row, string replacement)
    {
        string? prompt = Sweep.Replace(row.GetValueOrDefault(nameof(Prompt))?.ToString(), _search!, replacement);
        string? negative = Sweep.Replace(row.GetValueOrDefault(nameof(NegativePrompt))?.ToString(), _search!, replacement);
        if ((prompt ?? negative) is null)
            throw new InvalidSettingException(ReplaceAxis, $"'{InputRecord.Shorten(_search!)}' is neither in the prompt nor in the negative prompt. The first value of {ReplaceAxis} is the text that the others replace.");
        if (prompt is not null)
            row[nameof(Prompt)] = prompt;
        if (negative is not null)
            row[nameof(NegativePrompt)] = negative;
    }
}
