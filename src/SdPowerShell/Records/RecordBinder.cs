using System.Globalization;
using System.Management.Automation;
using System.Reflection;
using SdPowerShell.Errors;
using SdPowerShell.Parameters;
using StableDiffusion;

namespace SdPowerShell.Records;

/// <summary>Binds the settings of records where PowerShell takes others for them, and finds what a record lacks or has too much.</summary>
internal sealed class RecordBinder
{
    private readonly PSCmdlet _cmdlet;
    private readonly HashSet<string> _given;
    private readonly RowColumns _columns;
    private readonly Dictionary<string, object?> _defaults;
    private readonly Dictionary<string, PropertyInfo?> _properties = new(StringComparer.Ordinal);

    /// <summary>Notes what the parameters hold before the first record.</summary>
    /// <param name="cmdlet">The cmdlet that takes the records.</param>
    /// <param name="record">The parameter that takes each record as a whole, which is no setting.</param>
    /// <param name="isFixed">Whether a parameter was given as an argument, and so is the same for all records.</param>
    public RecordBinder(PSCmdlet cmdlet, string record, Func<string, bool> isFixed)
    {
        _cmdlet = cmdlet;
        _given = new HashSet<string>(cmdlet.MyInvocation.BoundParameters.Keys, StringComparer.OrdinalIgnoreCase);
        _columns = new RowColumns(cmdlet.MyInvocation.MyCommand.Parameters.Values.Where(parameter => parameter.Name != record), isFixed, _given.Contains);
        _defaults = _columns.Bindable.ToDictionary(parameter => parameter, ValueOf);
    }

    /// <summary>Whether a parameter was given by name, as a value or as a script that reads each record.</summary>
    /// <param name="parameter">The parameter.</param>
    public bool IsGiven(string parameter) => _given.Contains(parameter);

    /// <summary>What a parameter holds.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <returns>Its value; null where there is no such parameter.</returns>
    public object? ValueOf(string parameter) => Property(parameter)?.GetValue(_cmdlet);

    /// <summary>Ends the pipeline before the first record where what holds for all of them is no text or no number.</summary>
    /// <param name="missing">The parameter that has no text; null where it has.</param>
    public void CheckGiven(string? missing)
    {
        if (missing is not null)
            _cmdlet.ThrowTerminatingError(DiffusionError.ToErrorRecord(NoText(missing), _cmdlet.MyInvocation.BoundParameters[missing], _cmdlet.MyInvocation.MyCommand));

        foreach ((string setting, object value) in _cmdlet.MyInvocation.BoundParameters)
        {
            try
            {
                foreach (Number number in value as IEnumerable<Number> ?? (value is Number single ? [single] : []))
                    _ = number.Get(setting);
            }
            catch (InvalidSettingException error)
            {
                _cmdlet.ThrowTerminatingError(DiffusionError.ToErrorRecord(error, value, _cmdlet.MyInvocation.MyCommand));
            }
        }
    }

    /// <summary>Whether a record has a property that a parameter takes.</summary>
    /// <param name="record">The record.</param>
    public bool IsUsed(InputRecord record)
    {
        _columns.Forget();
        return record.HasSettings && _columns.IsUsed(record.Value!);
    }

    /// <summary>The error of a record without something that each must have.</summary>
    /// <param name="record">The record.</param>
    /// <param name="missing">The column.</param>
    public InvalidSettingException Missing(InputRecord record, string missing) =>
        IsGiven(missing) ? NoText(missing) : new InvalidSettingException(missing, _columns.DescribeMissing(record, missing));

    /// <summary>Corrects the settings that PowerShell bound for a record. PowerShell restores all of them before the next record.</summary>
    /// <param name="record">The record; null where nothing came.</param>
    public void BindSettings(InputRecord? record)
    {
        _columns.Forget();
        if (record is { HasSettings: true })
        {
            foreach ((string parameter, object value) in _columns.FindFilled(record.Value!))
                Bind(parameter, value);
        }
        else if (record?.Value is PSObject collection)
        {
            foreach (string parameter in _columns.Settings(collection))
                Property(parameter)!.SetValue(_cmdlet, _defaults[parameter]);
        }
    }

    /// <summary>Finds the columns of a row that are not taken, as <see cref="RowColumns.FindIgnored"/> does.</summary>
    /// <param name="row">The row, whose settings are bound.</param>
    /// <remarks>Unknown columns may be read by delay-bind script blocks, as in <c>-OutFile { "$($_.Id).png" }</c>.</remarks>
    public IReadOnlyCollection<(string Column, string Fault, string Advice)> FindIgnored(PSObject row)
    {
        (string, string, string)[] ignored = [.. _columns.FindIgnored(row)];
        return ignored.Length > 0 && _columns.Missing(row).Any(parameter => !Equals(ValueOf(parameter), _defaults[parameter])) ? [] : ignored;
    }

    private void Bind(string parameter, object? value)
    {
        ParameterMetadata metadata = _cmdlet.MyInvocation.MyCommand.Parameters[parameter];
        EngineIntrinsics engine = (EngineIntrinsics)_cmdlet.GetVariableValue("ExecutionContext");
        foreach (ArgumentTransformationAttribute attribute in metadata.Attributes.OfType<ArgumentTransformationAttribute>())
            value = attribute.Transform(engine, value!);
        Property(parameter)!.SetValue(_cmdlet, LanguagePrimitives.ConvertTo(value, metadata.ParameterType, CultureInfo.InvariantCulture));
    }

    private static InvalidSettingException NoText(string parameter) => new(parameter, $"{parameter} is not a string. Give one or more strings.");

    private PropertyInfo? Property(string parameter)
    {
        if (!_properties.TryGetValue(parameter, out PropertyInfo? property))
            _properties.Add(parameter, property = _cmdlet.GetType().GetProperty(parameter));
        return property;
    }
}
