using System.Xml;
using StableDiffusion.Images;

namespace StableDiffusion.Metadata;

/// <summary>The texts in an XMP packet: the one in WebP files of stable-diffusion.cpp, and this library's own record.</summary>
internal static class XmpTexts
{
    private const string CppNamespace = "https://github.com/leejet/stable-diffusion.cpp/ns/1.0/";
    // Two prompts of the greatest length, escaped. The XML reader takes more than linear time for very many namespaces.
    private const int MaxPacket = 2 << 20;

    private const string CppElement = "parameters";

    /// <summary>Collects the texts.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="texts">Receives the texts.</param>
    public static void Read(ReadOnlySpan<byte> packet, TextEntryList texts)
    {
        if (packet.Length > MaxPacket)
        {
            texts.Warn("The XMP packet is too long and was ignored.");
            return;
        }

        if (!texts.TryTake("XMP", "packet", packet.Length))
            return;

        XmlReaderSettings settings = new() { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, CheckCharacters = false };
        try
        {
            using MemoryStream stream = new(packet.ToArray());
            using XmlReader reader = XmlReader.Create(stream, settings);
            while (!reader.EOF)
            {
                // Reading an element advances to the node after it.
                if (reader.NodeType == XmlNodeType.Element && (reader.NamespaceURI == XmpPacket.OwnNamespace || (reader.NamespaceURI == CppNamespace && reader.LocalName == CppElement)))
                    texts.Add("XMP", reader.LocalName, reader.ReadElementContentAsString());
                else
                    reader.Read();
            }
        }
        catch (XmlException)
        {
            texts.Warn("The XMP packet is damaged and was ignored.");
        }
    }
}
