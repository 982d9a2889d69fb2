using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Numerics;
using System.Runtime.CompilerServices;
using StableDiffusion;
using StableDiffusion.Settings;
using StableDiffusion.Storage;

namespace SdPowerShell.Parameters;

/// <summary>
/// A number from the command line or a table. An invalid value is kept and rejected when it is read: an error of
/// PowerShell's parameter binding could not name the row.
/// </summary>
public abstract class Number
{
    private protected Number()
    {
    }

    /// <summary>Reads the number of a parameter.</summary>
    /// <typeparam name="T">The type of the number.</typeparam>
    /// <param name="number">The parameter; may be null.</param>
    /// <param name="setting">The parameter's name, or an expression that ends with it.</param>
    /// <returns>The number; null if none was given.</returns>
    /// <exception cref="InvalidSettingException">The value is not a number of that type.</exception>
    internal static T? Read<T>(Number<T>? number, [CallerArgumentExpression(nameof(number))] string setting = "")
        where T : struct, INumber<T>, IMinMaxValue<T> => number?.Check(NameIn(setting));

    /// <inheritdoc cref="Read{T}(Number{T}?, string)"/>
    internal static T[]? Read<T>(Number<T>[]? number, [CallerArgumentExpression(nameof(number))] string setting = "")
        where T : struct, INumber<T>, IMinMaxValue<T> => number is null ? null : [.. number.Select(item => item.Check(NameIn(setting)))];

    /// <summary>Reads the number of a parameter that is no setting of the engine, which checks its own.</summary>
    /// <param name="number">The parameter; may be null.</param>
    /// <param name="lowest">The lowest number that it takes.</param>
    /// <param name="highest">The highest one.</param>
    /// <param name="setting">The parameter's name, or an expression that ends with it.</param>
    /// <returns>The number; null if none was given.</returns>
    /// <exception cref="InvalidSettingException">The value is not a whole number, or is out of range.</exception>
    internal static int? Read(Number<int>? number, int lowest, int highest, [CallerArgumentExpression(nameof(number))] string setting = "")
    {
        int? value = Read(number, setting);
        if (value is not null)
            Setting.CheckRange(NameIn(setting), value, lowest, highest);
        return value;
    }

    // A class beside the cmdlet reads its parameters as members.
    private static string NameIn(string expression) => expression[(expression.LastIndexOf('.') + 1)..];

    /// <summary>The number; throws if the value is not one.</summary>
    /// <param name="setting">The parameter's name.</param>
    /// <exception cref="InvalidSettingException">The value is not a number of that type.</exception>
    internal abstract object Get(string setting);
}

/// <summary>A number of one type, or the invalid value that was given.</summary>
/// <typeparam name="T">The type of the number.</typeparam>
public sealed class Number<T> : Number
    where T : struct, INumber<T>, IMinMaxValue<T>
{
    private static readonly bool s_isWhole = typeof(T) != typeof(double);

    private readonly object _given;
    private readonly T? _value;

    /// <summary>Reads a value.</summary>
    /// <param name="given">A number of any type, or a string.</param>
    public Number(object given)
    {
        ArgumentNullException.ThrowIfNull(given);
        _given = given;
        _value = given switch
        {
            // Without thousands separators: 7,5 must not become 75.
            string text => T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out T number) ? number : null,
            double number => Convert(number),
            float number => Convert(number),
            decimal number => Convert(number),
            BigInteger number => Convert(number),
            ulong number => Convert(number),
            byte or sbyte or short or ushort or int or uint or long => Convert(System.Convert.ToInt64(given, CultureInfo.InvariantCulture)),
            _ => null,
        };
    }

    /// <summary>The value as it was given.</summary>
    /// <returns>The value as a string; several of them with commas, as they are typed.</returns>
    public override string ToString() => _given is IEnumerable values and not string
        ? string.Join(',', values.Cast<object?>().Select(LanguagePrimitives.ConvertTo<string>))
        : LanguagePrimitives.ConvertTo<string>(_given);

    /// <summary>The number.</summary>
    /// <param name="setting">The parameter's name.</param>
    internal T Check(string setting) => _value ?? throw new InvalidSettingException(
        setting, $"{setting} is '{ModelFilePath.Printable(ToString())}', but must be {(s_isWhole ? $"a whole number up to {T.MaxValue}, such as 42" : "a number, such as 0.5")}.");

    /// <inheritdoc/>
    internal override object Get(string setting) => Check(setting);

    private static T? Convert<TOther>(TOther number)
        where TOther : INumber<TOther>
    {
        if (s_isWhole && !TOther.IsInteger(number))
            return null;

        try
        {
            return T.CreateChecked(number);
        }
        catch (OverflowException)
        {
            return null;
        }
    }
}
