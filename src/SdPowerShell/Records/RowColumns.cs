using System.Management.Automation;
using SdPowerShell.Parameters;
using StableDiffusion;

namespace SdPowerShell.Records;

/// <summary>The columns of a row that a cmdlet takes, and the messages for the others.</summary>
internal sealed class RowColumns
{
    /// <summary>The prefix of columns that are for the user's own use.</summary>
    private const char OwnMark = '_';

    // The delimiters of tables that Import-Csv does not split by default.
    private static readonly char[] s_delimiters = [';', '\t', '|'];

    // The properties that PowerShell adds to objects from another process or computer.
    private static readonly HashSet<string> s_remoteColumns = new(StringComparer.OrdinalIgnoreCase) { "PSComputerName", "PSShowComputerName", "RunspaceId" };

    // Columns of other tools whose names resemble a parameter with another meaning.
    private static readonly Dictionary<string, (string Meaning, string Column)> s_hints = new(StringComparer.OrdinalIgnoreCase)
    {
        ["batch_size"] = ("How many images to make", "Count"),
        ["Path"] = ("The file to write", "OutFile"),
    };

    private readonly Dictionary<string, string> _parameters = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string[]> _names = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _others = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _bindable = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _settings = [];
    private readonly Dictionary<string, PSPropertyInfo> _columns = new(StringComparer.OrdinalIgnoreCase);
    private string[] _header = [];
    private string[] _unknown = [];
    private (string Parameter, string[] Names)[] _doubled = [];
    private PSObject? _row;

    /// <summary>Determines the columns from the parameters.</summary>
    /// <param name="parameters">The cmdlet's parameters.</param>
    /// <param name="isFixed">Whether a parameter was given as an argument, and so is the same for all records.</param>
    /// <param name="isGiven">Whether a parameter was given as an argument, as a value or as a delay-bind script block.</param>
    public RowColumns(IEnumerable<ParameterMetadata> parameters, Func<string, bool> isFixed, Func<string, bool> isGiven)
    {
        foreach (ParameterMetadata parameter in parameters)
        {
            string[] names = [parameter.Name, .. parameter.Aliases];
            if (!parameter.ParameterSets.Values.Any(set => set.ValueFromPipelineByPropertyName))
            {
                _others.UnionWith(names);
                continue;
            }

            _names[parameter.Name] = names;
            foreach (string name in names)
                _parameters[name] = parameter.Name;
            if (!isFixed(parameter.Name))
                _bindable.UnionWith(names);
            if (!isGiven(parameter.Name) && !parameter.ParameterSets.Values.Any(set => set.ValueFromPipeline))
                _settings.Add(parameter.Name);
        }
    }

    /// <summary>Whether a column is for the user's own use.</summary>
    /// <param name="column">The column.</param>
    public static bool IsOwn(string column) => column.StartsWith(OwnMark);

    /// <summary>The parameters that can be columns, and were not given as arguments.</summary>
    public IEnumerable<string> Bindable => _names.Keys.Where(_bindable.Contains);

    /// <summary>Whether an object has a property that a parameter takes.</summary>
    /// <param name="record">The object.</param>
    public bool IsUsed(PSObject record) => ColumnsOf(record).Keys.Any(_bindable.Contains);

    /// <summary>Forgets what the last object had: the same one can have other properties when it comes again.</summary>
    public void Forget() => _row = null;

    /// <summary>The parameters that can be columns, but for which this row has none.</summary>
    public IEnumerable<string> Missing(PSObject row)
    {
        HashSet<string> there = [.. ColumnsOf(row).Keys.Select(name => _parameters.GetValueOrDefault(name)).OfType<string>()];
        return Bindable.Where(parameter => !there.Contains(parameter));
    }

    /// <summary>The settings that PowerShell took from an object's properties.</summary>
    /// <param name="record">The object.</param>
    public IEnumerable<string> Settings(PSObject record) => _settings.Where(parameter => Array.Exists(_names[parameter], ColumnsOf(record).ContainsKey));

    /// <summary>Finds the settings whose first column is empty while another one is not. PowerShell uses the first one.</summary>
    /// <param name="record">The object.</param>
    /// <returns>The parameters, each with the value of the first column that is not empty.</returns>
    public IEnumerable<(string Parameter, object Value)> FindFilled(PSObject record)
    {
        Dictionary<string, PSPropertyInfo> there = ColumnsOf(record);
        foreach ((string parameter, string[] names) in _doubled.Where(doubled => _settings.Contains(doubled.Parameter)))
        {
            PSPropertyInfo[] columns = Array.ConvertAll(names, name => there[name]);
            if (IsEmpty(columns[0]) && Array.Find(columns, column => !IsEmpty(column)) is { Value: object value })
                yield return (parameter, value);
        }
    }

    /// <summary>Finds the columns of a row that are ignored: unknown ones, and those that another column of the same setting overrides.</summary>
    /// <returns>Each column with what is wrong, without a full stop, and advice, in sentences or empty.</returns>
    public IEnumerable<(string Column, string Fault, string Advice)> FindIgnored(PSObject row)
    {
        Dictionary<string, PSPropertyInfo> there = ColumnsOf(row);
        foreach (string column in _unknown)
        {
            yield return _others.Contains(column)
                ? (column, $"The column '{column}' is not accepted from rows", $" Give -{column} to the command.")
                : (column, $"The column '{column}' is not known", Advise(column));
        }

        foreach ((_, string[] names) in _doubled)
        {
            string[] filled = [.. names.Where(name => !IsEmpty(there[name]))];
            foreach (string other in filled.Skip(1).Where(other => !IsSamplerOfA1111(filled[0], other)))
                yield return (other, $"The column '{other}' is the same setting as '{filled[0]}'", string.Empty);
        }
    }

    /// <summary>The properties of an object by their names. To look for each of a hundred names takes PowerShell far longer.</summary>
    private Dictionary<string, PSPropertyInfo> ColumnsOf(PSObject record)
    {
        if (ReferenceEquals(record, _row))
            return _columns;
        _columns.Clear();
        foreach (PSPropertyInfo property in record.Properties)
            _columns.TryAdd(property.Name, property);
        _row = record;
        if (!_columns.Keys.SequenceEqual(_header))
            ReadHeader();
        return _columns;
    }

    /// <summary>Finds what depends on the names of the columns alone, which all rows of a table share.</summary>
    private void ReadHeader()
    {
        _header = [.. _columns.Keys];
        _unknown = [.. _header.Where(column => !IsKnown(column))];
        _doubled = [.. _names.Select(parameter => (parameter.Key, Array.FindAll(parameter.Value, _columns.ContainsKey))).Where(static parameter => parameter.Item2.Length > 1)];
    }

    private static bool IsEmpty(PSPropertyInfo column) => Cell.IsEmpty(Cell.Unwrap(column.Value));

    /// <summary>Describes why an object does not have a property that a cmdlet needs, and what to do.</summary>
    /// <param name="record">The object.</param>
    /// <param name="missing">The property.</param>
    public string DescribeMissing(InputRecord record, string missing)
    {
        if (record.IsDictionary)
            return InputRecord.DictionaryAdvice;
        if (!record.IsRow)
            return $"An object of type {record.Value!.BaseObject.GetType().Name} has no property '{missing}'. Give -{missing} to the command, or a row with the column '{missing}'.";

        string[] columns = [.. record.Value!.Properties.Select(property => property.Name)];
        string there = columns.Length == 0 ? $"The row has no columns, and so no '{missing}'." : $"The row has no column '{missing}', but {string.Join(", ", columns.Select(column => $"'{column}'"))}.";
        return there + AdviseMissing(columns, missing);
    }

    private string AdviseMissing(string[] columns, string missing)
    {
        if (columns is [var only] && only.IndexOfAny(s_delimiters) is >= 0 and int index)
            return $" Read the table with Import-Csv -Delimiter {(only[index] == '\t' ? "\"`t\"" : $"'{only[index]}'")}.";
        return Array.Find(columns, column => !IsKnown(column) && Spelling.Nearest(column, _parameters.Keys) is string near && _parameters[near] == missing) is string misspelt
            ? $" Did you mean '{missing}' by '{misspelt}'?"
            : string.Empty;
    }

    /// <remarks>A1111's API has the name of the sampler in two columns.</remarks>
    private static bool IsSamplerOfA1111(string first, string second) => (first, second) is ("Scheduler", DenoiseCmdlet.SamplerColumn);

    private bool IsKnown(string column) => _parameters.ContainsKey(column) || IsOwn(column) || s_remoteColumns.Contains(column);

    private string Advise(string column)
    {
        if (s_hints.TryGetValue(column, out (string Meaning, string Column) hint))
            return _parameters.ContainsKey(hint.Column) ? $" {hint.Meaning} is the column '{hint.Column}'." : string.Empty;
        return Spelling.Nearest(column, _parameters.Keys) is string near ? $" Did you mean '{_parameters[near]}'?" : string.Empty;
    }
}
