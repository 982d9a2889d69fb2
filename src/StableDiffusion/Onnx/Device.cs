using System.Globalization;

namespace StableDiffusion.Onnx;

/// <summary>A device to run on: a kind, and an index within the kind. Its text form is <c>Cpu</c>, <c>Cuda</c>, <c>Cuda:1</c> …</summary>
/// <param name="Kind">The kind of device.</param>
/// <param name="Index">The index within the kind, from 0.</param>
public sealed record Device(DeviceKind Kind, int Index = 0)
{
    /// <summary>The name that means the best device available.</summary>
    public const string Auto = "Auto";

    /// <summary>The CPU, with the number of threads that is set at the moment.</summary>
    /// <exception cref="InvalidSettingException">The environment variable STABLEDIFFUSION_THREADS does not hold a whole number above 0.</exception>
    public static Device Cpu => new(DeviceKind.Cpu);

    /// <summary>The number of threads that an operator uses on the CPU, when this object was made; 0 for other devices. With another number, results may be rounded otherwise.</summary>
    public int Threads { get; } = Kind == DeviceKind.Cpu ? ThreadCount.Current : 0;

    /// <summary>Reads a device from its text form, in any case; <see cref="Auto"/> is not a device and must be resolved first.</summary>
    /// <param name="text">The text form, such as <c>Cpu</c> or <c>cuda:1</c>.</param>
    /// <returns>The device.</returns>
    /// <exception cref="InvalidSettingException">The text is not a kind of device, or its index is not from 0 to 63.</exception>
    public static Device Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ReadOnlySpan<char> kindText = text;
        int index = 0;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon >= 0)
        {
            kindText = kindText[..colon];
            if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out index) || index > 63)
                throw new InvalidSettingException("Device", $"The device '{text}' is not known: the number after the colon is the index of the card, from 0 to 63.");
        }

        foreach (DeviceKind kind in Enum.GetValues<DeviceKind>())
        {
            if (!kindText.Equals(kind.ToString(), StringComparison.OrdinalIgnoreCase))
                continue;
            if (colon >= 0 && kind is (DeviceKind.Cpu or DeviceKind.CoreML or DeviceKind.OpenVino))
                throw new InvalidSettingException("Device", $"The device '{text}' is not known: {kind} takes no number.");
            return new Device(kind, index);
        }

        throw new InvalidSettingException(
            "Device",
            $"The device '{text}' is not known. Use Auto, {string.Join(", ", Enum.GetNames<DeviceKind>())}, or a card by its number, such as Cuda:1.");
    }

    /// <summary>The text form that <see cref="Parse"/> reads.</summary>
    /// <returns>The text form, such as <c>Cpu</c> or <c>Cuda:1</c>.</returns>
    public override string ToString() => Index == 0 ? Kind.ToString() : string.Create(CultureInfo.InvariantCulture, $"{Kind}:{Index}");
}
