using System.Collections;
using System.Globalization;
using StableDiffusion.Storage;

namespace StableDiffusion.Sampling;

/// <summary>The value of every option of a scheduler, resolved from those of the caller, the preset and the model.</summary>
internal sealed class SchedulerSettings
{
    private readonly Dictionary<string, object?> _values;

    private SchedulerSettings(Dictionary<string, object?> values)
    {
        _values = values;
    }

    /// <summary>Resolves the options: those of the caller take precedence over the preset's, then the model's, then the defaults.</summary>
    /// <param name="info">The scheduler.</param>
    /// <param name="config">The model's scheduler configuration.</param>
    /// <param name="options">The caller's options, in any spelling that <see cref="SchedulerOption.Key"/> treats as equal.</param>
    /// <exception cref="InvalidSettingException">An option is unknown to the scheduler, or its value is not valid.</exception>
    public static SchedulerSettings Resolve(SchedulerInfo info, SchedulerConfig config, IReadOnlyDictionary<string, object?>? options)
    {
        Dictionary<string, object?> values = new(info.Options.Count, StringComparer.Ordinal);
        foreach (SchedulerOption option in info.Options)
            values[option.Name] = info.Presets.TryGetValue(option.Name, out object? preset) ? preset : FromModel(info, config, option);

        foreach ((string name, object? value) in options ?? new Dictionary<string, object?>())
        {
            SchedulerOption option = Find(info, name);
            if (value is null)
            {
                values[option.Name] = option.Default;
                continue;
            }

            if (!option.TryParse(value, out object parsed))
                throw new InvalidSettingException(option.Name, $"The option {option.Name} of {info.Name} does not accept '{Show(value)}'. Give {option.Describe()}.");

            values[option.Name] = parsed;
        }

        return new SchedulerSettings(values);
    }

    public bool Flag(string name) => (bool)Required(name);

    public int Integer(string name) => (int)Required(name);

    public double Number(string name) => (double)Required(name);

    public double? OptionalNumber(string name) => (double?)Optional(name);

    public string Word(string name) => (string)Required(name);

    /// <summary>What the model predicts.</summary>
    public PredictionType PredictionType => PredictionTypes.Find(Word(PredictionTypes.OptionName))!.Value;

    public double[]? Numbers(string name) => (double[]?)Optional(name);

    /// <summary>The value of an option that not every scheduler has; null if this one does not.</summary>
    public object? Optional(string name) => _values.GetValueOrDefault(name);

    /// <summary>The options that differ from the defaults of a scheduler's class, as <see cref="SchedulerOptionText"/> stores them.</summary>
    /// <param name="info">The scheduler that they were resolved for.</param>
    /// <returns>The text; null if there are none.</returns>
    public string? TextFor(SchedulerInfo info) => SchedulerOptionText.Write(
        info.Options.Where(option => !Equals(_values[option.Name], option.Default)).ToDictionary(static option => option.Name, option => _values[option.Name], StringComparer.Ordinal));

    private static object? FromModel(SchedulerInfo info, SchedulerConfig config, SchedulerOption option)
    {
        if (!option.IsConfigurable || !config.TryGetValue(option.Name, out object? value))
            return option.Default;

        if (option.TryParse(value, out object parsed))
            return parsed;

        if (option.IgnoresForeignWords)
            return option.Default;

        throw new InvalidSettingException(
            option.Name,
            $"The model's scheduler config has {option.Name} '{Show(value)}', which {info.Name} does not support. Choose another scheduler, or give the option {option.Name}: {option.Describe()}.");
    }

    private static SchedulerOption Find(SchedulerInfo info, string name)
    {
        string key = SchedulerOption.Key(name);
        foreach (SchedulerOption option in info.Options)
        {
            if (SchedulerOption.Key(option.Name) == key)
                return option;
        }

        throw new InvalidSettingException(
            name is [>= 'a' and <= 'z', ..] ? name : "SchedulerOption", $"{info.Name} has no option '{ModelFilePath.Printable(name)}'. Its options are {string.Join(", ", info.Options.Select(option => option.Name))}.");
    }

    private static string Show(object value) => value is IEnumerable list and not string
        ? string.Join(", ", list.Cast<object?>().Select(item => Convert.ToString(item, CultureInfo.InvariantCulture)))
        : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private object Required(string name) =>
        Optional(name) ?? throw new InvalidOperationException($"The option {name} has no value here.");
}
