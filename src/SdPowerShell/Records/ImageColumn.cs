using System.Collections;
using System.Globalization;
using System.Management.Automation;
using SdPowerShell.Commands;
using SdPowerShell.Completion;
using SdPowerShell.Parameters;
using StableDiffusion;
using StableDiffusion.Noise;
using StableDiffusion.Sampling;
using StableDiffusion.Settings;
using StableDiffusion.Settings.Sweeps;

namespace SdPowerShell.Records;

/// <summary>A column that New-DiffusionImage takes from rows, and the values that it can have.</summary>
internal sealed class ImageColumn
{
    private static readonly Dictionary<string, ImageColumn> s_byName = Read();

    private readonly ParameterMetadata _parameter;
    private readonly Setting? _setting;
    private readonly IWords? _words;

    private ImageColumn(ParameterMetadata parameter)
    {
        _parameter = parameter;
        _setting = SettingTable.Rows.FirstOrDefault(row => row.Name == parameter.Name);
        Type type = parameter.ParameterType.GetElementType() ?? parameter.ParameterType;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Number<>))
            NumberType = type.GetGenericArguments()[0];
        if (parameter.Attributes.OfType<ArgumentCompleterAttribute>().FirstOrDefault()?.Type is Type completer && completer.IsAssignableTo(typeof(IWords)))
            _words = (IWords)Activator.CreateInstance(completer)!;
    }

    /// <summary>All columns by the names of their parameters, in alphabetical order.</summary>
    public static IEnumerable<ImageColumn> All => s_byName.Values.Distinct().OrderBy(static column => column.Name, StringComparer.Ordinal);

    /// <summary>The name of the parameter.</summary>
    public string Name => _parameter.Name;

    /// <summary>The type of its numbers; null if it takes others.</summary>
    public Type? NumberType { get; }

    /// <summary>Whether it is true or false.</summary>
    public bool IsSwitch => _parameter.ParameterType == typeof(SwitchParameter);

    /// <summary>The words that it takes; null if it takes others too.</summary>
    public IReadOnlyList<string>? Words => _words?.All;

    /// <summary>Whether its texts are the names of schedulers.</summary>
    public bool IsScheduler => Name.EndsWith(nameof(GenerationSettings.Scheduler), StringComparison.Ordinal);

    /// <summary>Finds a column by the name of its parameter or an alias of that.</summary>
    /// <param name="name">The name.</param>
    /// <returns>The column; null if there is none.</returns>
    public static ImageColumn? TryFind(string name) => s_byName.GetValueOrDefault(name);

    /// <summary>Finds a column by its name, spelt as it is.</summary>
    /// <param name="setting">The parameter that names the column.</param>
    /// <param name="name">The name.</param>
    /// <param name="others">Further names to suggest.</param>
    /// <exception cref="InvalidSettingException">There is no such column; the message suggests one.</exception>
    public static ImageColumn Find(string setting, string name, params IEnumerable<string> others) => TryFind(name) ?? throw new InvalidSettingException(
        setting,
        $"'{InputRecord.Shorten(name)}' is not a column of New-DiffusionImage.{(Spelling.Nearest(name, s_byName.Keys.Concat(others)) is string near ? $" Did you mean '{TryFind(near)?.Name ?? near}'?" : " See about_StableDiffusion_Batches for their names.")}");

    /// <summary>The values of a sweep, in the form in which a row has them, each once.</summary>
    /// <param name="given">A value, a list of values, or a text with ranges of numbers.</param>
    /// <exception cref="InvalidSettingException">There is none, or the setting does not take one of them.</exception>
    public IReadOnlyList<object?> ReadAll(object? given)
    {
        object?[] values = [.. Items(given).Select(Read).Distinct()];
        return values.Length switch
        {
            0 => throw new InvalidSettingException(Name, $"{Name} has no values. Give one or more."),
            > NumberRange.MostValues => throw new InvalidSettingException(Name, $"{Name} has more than {NumberRange.MostValues} values. Give fewer."),
            _ => values,
        };
    }

    /// <summary>A value, in the form in which a row has it.</summary>
    /// <param name="given">The value; empty for the default.</param>
    /// <exception cref="InvalidSettingException">The setting does not take it.</exception>
    public object? Read(object? given)
    {
        object? value = Cell.Unwrap(given);
        if (Cell.IsEmpty(value))
            return null;
        object? bound = Convert(value!);
        switch (bound)
        {
            case Number number:
                return Check(number);
            case IEnumerable<Number> numbers:
                foreach (Number number in numbers)
                    Check(number);
                break;
            case SwitchParameter flag:
                return flag.IsPresent;
            case string text:
                CheckWord(text);
                break;
            case IEnumerable<string?> texts:
                foreach (string? text in texts)
                    CheckWord(text);
                break;
        }

        return value;
    }

    private IEnumerable<object?> Items(object? given) => Cell.Unwrap(given) switch
    {
        string text when NumberType is not null && !text.Contains(Cell.Separator) => NumberRange.Read(Name, text, isWhole: NumberType != typeof(double)),
        string or IDictionary => [given],
        IEnumerable list => list.Cast<object?>().SelectMany(item => Cell.Unwrap(item) is string ? Items(item) : [item]),
        _ => [given],
    };

    private object? Convert(object value)
    {
        object? bound = value;
        try
        {
            foreach (ArgumentTransformationAttribute attribute in _parameter.Attributes.OfType<ArgumentTransformationAttribute>())
                bound = attribute.Transform(null!, bound!);
            return LanguagePrimitives.ConvertTo(bound, _parameter.ParameterType, CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is ArgumentTransformationMetadataException or PSInvalidCastException)
        {
            throw new InvalidSettingException(Name, $"{Name} does not take {ArgumentFault.Quote(value)}: {error.Message}");
        }
    }

    private object Check(Number number)
    {
        object value = number.Get(Name);
        _setting?.Check(value);
        return value is long and RandomSeed.Any && _setting is { IsSeed: true } ? RandomSeed.New() : value;
    }

    private void CheckWord(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
            return;
        _words?.Check(Name, text);
        if (IsScheduler)
            SchedulerCatalog.Find(text);
    }

    private static Dictionary<string, ImageColumn> Read()
    {
        Dictionary<string, ImageColumn> columns = new(StringComparer.OrdinalIgnoreCase);
        foreach (ParameterMetadata parameter in ParameterMetadata.GetParameterMetadata(typeof(NewDiffusionImageCommand)).Values.Where(static parameter => parameter.ParameterSets.Values.Any(static set => set.ValueFromPipelineByPropertyName)))
        {
            ImageColumn column = new(parameter);
            foreach (string name in parameter.Aliases.Prepend(parameter.Name))
                columns[name] = column;
        }

        return columns;
    }
}
